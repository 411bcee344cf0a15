//! docs/security.md names a test or a file for each claim, and all of them exist.

use std::path::Path;

#[test]
fn each_test_and_file_that_security_is_said_to_rest_on_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("docs/security.md")).unwrap();
    let words: Vec<&str> = text.split('`').skip(1).step_by(2).collect();
    let mut checked = 0;
    for word in &words {
        if let Some((module, name)) = word.split_once("::") {
            let file = root.join("tests/it").join(module).with_extension("rs");
            let folder = root.join("tests/it").join(module).join(name).with_extension("rs");
            let source = std::fs::read_to_string(file).unwrap_or_default();
            assert!(source.contains(&format!("fn {name}()")) || folder.exists(), "there is no test {word}");
            checked += 1;
        } else if word.contains('/') && !word.starts_with('/') && !word.contains(' ') {
            assert!(root.join(word).exists(), "there is no file {word}");
            checked += 1;
        }
    }
    assert!(checked > 40, "only {checked} names were found");
}

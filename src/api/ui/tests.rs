//! The files in the binary are those in the folders, and none refers to a file that is not among them.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;

#[test]
fn every_file_of_the_folders_is_served() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/api/ui");
    let mut there = BTreeSet::new();
    for folder in std::fs::read_dir(&home).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_dir())
    {
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let path = file.unwrap().path();
            there.insert(path.strip_prefix(&home).unwrap().to_str().unwrap().to_owned());
        }
    }
    assert_eq!(FILES.iter().map(|file| file.path.to_owned()).collect::<BTreeSet<_>>(), there);
}

#[test]
fn every_import_is_of_a_file_that_is_served() {
    for file in FILES {
        let folder = Path::new(file.path).parent().unwrap();
        for line in file.text.lines().filter(|line| line.starts_with("import ")) {
            let name = line.split('"').nth(1).unwrap_or_else(|| panic!("{}: {line}", file.path));
            let mut path = folder.to_path_buf();
            for part in name.split('/') {
                match part {
                    "." => {}
                    ".." => assert!(path.pop()),
                    part => path.push(part),
                }
            }
            assert!(find(path.to_str().unwrap()).is_some(), "{}: {line}", file.path);
        }
    }
}

/// The policy of the page would keep such code from working; this test says where it is.
#[test]
fn nothing_makes_markup_of_text_or_comes_from_anywhere_else() {
    let texts = FILES.iter().map(|file| (file.path, file.text)).chain([("index.html", INDEX)]);
    for (path, text) in texts {
        let always = [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "@import",
        ];
        // `curl(` in a script is not an address in a style.
        let of_styles = if path.ends_with(".js") { &[][..] } else { &["url("] };
        for no in always.iter().chain(of_styles) {
            assert!(!text.contains(no), "{path} has {no}");
        }
        // An address that begins with a slash leads out of the prefix of a proxy.
        for attribute in ["href=\"/", "src=\"/", "href: \"/", "fetch(\"/", "origin + "] {
            assert!(!text.contains(attribute), "{path} has {attribute}");
        }
        // Names of XML and examples of URLs are not addresses that the page asks for.
        for word in
            text.split(['"', '\'', '(']).filter(|word| word.starts_with("http") && word.contains("//"))
        {
            let known = ["http://www.w3.org/", "https://example.com/", "https://…"];
            assert!(known.iter().any(|known| word.starts_with(known)), "{path} has {word}");
        }
    }
}

#[test]
fn the_page_names_all_its_files_and_has_no_script_or_style_of_its_own() {
    for File { path, .. } in FILES {
        assert!(PAGE.contains(&format!("\"ui/{}/{path}\"", *VERSION)), "{path}");
    }
    for inbox in [None, Some("/dev/inbox")] {
        let page = page(inbox);
        assert!(!page.html.contains('{'), "a place is not filled");
        assert_eq!(page.html.contains("jettimer-inbox"), inbox.is_some());
    }
    assert_ne!(page(None).tag, page(Some("/dev/inbox")).tag);
    for no in ["<style", "style=", " onclick", " onload", "<script>"] {
        assert!(!PAGE.contains(no), "{no}");
    }
}

//! Tests of reading a JSON text in one pass.

use proptest::prelude::*;
use serde_json::json;

use super::*;

type Read<T> = Result<Option<T>, String>;

/// The values, or what is said about the text.
fn value(json: &str) -> Read<Value> {
    let read = read(json.as_bytes(), Some("body"), usize::MAX).map_err(|error| error.to_string())?;
    Ok(read.map(|tree| tree.value))
}

/// The text of the field `body`, or what is said about the whole text, which may have this many values besides.
fn body(json: &str, most: usize) -> Read<String> {
    let read = read(json.as_bytes(), Some("body"), most).map_err(|error| error.to_string())?;
    Ok(read.and_then(|tree| tree.opaque.map(str::to_owned)))
}

/// What serde_json makes of the text.
fn by_serde(json: &str) -> Read<Value> {
    serde_json::from_str(json).map(Some).map_err(|error| error.to_string())
}

#[test]
fn each_field_that_is_there_twice_is_found_by_its_pointer() {
    for (json, pointers) in [
        (r#"{"delay":"1h","delay":"0s"}"#, &["/delay"][..]),
        (r#"{"delay":"1h","d\u0065lay":"0s","delay":1}"#, &["/delay"]),
        (
            r#"{"retry":{"factor":1,"factor":2},"a":{"a":1},"b":[1,{"a":1,"a":2}]}"#,
            &["/retry/factor", "/b/1/a"],
        ),
        (r#"{"headers":{"a/b~":1,"a/b~":2}}"#, &["/headers/a~1b~0"]),
        (r#"{"a":{"b":1,"b":2},"a":{}}"#, &["/a/b", "/a"]),
        (r#"{"a":1,"a":2,"b":1,"a":3,"b":2,"a":4}"#, &["/a", "/b"]),
        (r#"{"a":{"b":1,"b":2,"b":3},"a":{"b":1,"b":2},"a":0}"#, &["/a/b", "/a/b", "/a"]),
        (r#"[{"a":[{"":1,"":2}],"a":0}]"#, &["/0/a/0/", "/0/a"]),
        (r#"{"a":1,"A":2,"b":null,"c":[1.5,-1,true,"x"]}"#, &[]),
        ("7", &[]),
        (r#"{"a":1,"a":2"#, &[]),
        (r#"{"a":1,"a":2} x"#, &[]),
    ] {
        assert_eq!(fields(json.as_bytes(), None), pointers, "{json}");
    }
    let json = br#"{"body":{"a":1,"a":2},"b":{"body":{"a":1,"a":2}},"body":1}"#;
    assert_eq!(fields(json, Some("body")), ["/b/body/a", "/body"]);
    let many = format!("{{{}}}", vec![r#""a":{"b":1,"b":2}"#; 1_000].join(","));
    assert_eq!(fields(many.as_bytes(), None).len(), MOST);
}

#[test]
fn values_are_counted_at_every_depth_but_within_the_opaque_field() {
    for (json, values) in
        [("7", 1), ("[]", 1), ("[1,[2,{}]]", 5), (r#"{"a":{"b":[null]},"body":[1,[2],{"c":3}],"d":"x"}"#, 5)]
    {
        let read = |most| read(json.as_bytes(), Some("body"), most).unwrap().is_none();
        assert_eq!((read(values - 1), read(values)), (true, false), "{json}");
    }
    // What follows the last value that is allowed is not read.
    assert!(read(b"[1,2,", None, 2).unwrap().is_none());
    assert!(read(b"[1,2,", None, 3).is_err());
}

#[test]
fn a_text_is_read_as_serde_json_reads_it_but_for_the_opaque_field() {
    for json in [
        "7",
        " [] ",
        "{}",
        r#"{"b":[1,-2,1.50,1e3,18446744073709551616,-0,true,null,"\u00fc\n",[],{}],"a":{"a":{"b":"x"}}}"#,
        r#"[{"body":[1]}]"#,
        r#"{"a":{"b":1},"b":0,"a":{"c":2}}"#,
    ] {
        assert_eq!(value(json), by_serde(json), "{json}");
        assert_eq!(body(json, usize::MAX), Ok(None), "{json}");
    }
    let json = "{\"a\":{\"body\":1},\"b\\u006fdy\" :\n [1.50 , {\"a\":1}] ,\"b\":2}";
    assert_eq!(value(json), Ok(Some(json!({ "a": { "body": 1 }, "body": null, "b": 2 }))));
    assert_eq!(body(json, 4), Ok(Some("[1.50 , {\"a\":1}]".to_owned())));
    assert_eq!(body(r#"{"body":1,"a":0,"body":"x"}"#, 2), Ok(Some("\"x\"".to_owned())));
}

#[test]
fn a_name_that_serde_json_gives_a_meaning_is_a_name_like_others() {
    let json = r#"{"a":{"$serde_json::private::RawValue":"[1,2]"}}"#;
    assert_eq!(value(json), Ok(Some(json!({ "a": { "$serde_json::private::RawValue": "[1,2]" } }))));
}

#[test]
fn an_error_has_its_place_in_the_whole_text_and_so_has_one_within_the_opaque_field() {
    for json in [
        "",
        "{\"a\": [1,]}",
        "{\n \"body\": [1,\n  1e999]}",
        "{\n \"body\": {\"a\": \"\\ud800\"}, \"b\": [}",
        "{\"a\": 1, \"body\": [1, ], \"b\": 2}",
        "{\"body\": {\"a\" 1}}",
        "{\"body\": \"\u{1}\"}",
        "{\"body\": [1",
        "{\"body\": 1, \"a\": nil}",
        "{\"body\": 1} x",
    ] {
        let said = by_serde(json).unwrap_err();
        assert_eq!((value(json), body(json, 3)), (Err(said.clone()), Err(said)), "{json}");
    }
    assert!(read(b"{\"body\": \"\xff\"}", Some("body"), 1).is_err());
}

#[test]
fn what_is_too_deep_for_a_tree_is_not_json_within_the_opaque_field_either() {
    for name in ["a", "body"] {
        let nested = |levels: usize| format!(r#"{{"{name}":{}0{}}}"#, "[".repeat(levels), "]".repeat(levels));
        let (most, too_many) = (nested(usize::from(LEVELS) - 1), nested(usize::from(LEVELS)));
        assert!(value(&most).is_ok() && by_serde(&most).is_ok(), "{name}");
        assert_eq!(value(&too_many), by_serde(&too_many), "{name}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_looked_at_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), text in "[\\[\\]{}\":,a1]{0,48}") {
        let _ = fields(&bytes, None);
        let _ = fields(text.as_bytes(), Some("a"));
    }

    #[test]
    fn what_a_tree_cannot_hold_is_not_json_within_the_opaque_field_either(
        text in r#"(\{"a":)?("(\\u(d[89a-f]|00)[0-9]{2}|\\n|x|\\\\|\xff)*"?|-?[0-9]{1,3}([.][0-9]{0,2})?(e[0-9]{0,3})?|\[1,?\]|nul+)\}?"#,
    ) {
        prop_assert_eq!(value(&text), by_serde(&text), "{}", text);
        let whole = format!(r#"{{"body":{text}}}"#);
        let inside = by_serde(&text).is_ok();
        prop_assert_eq!(inside, by_serde(&whole).is_ok(), "{}", text);
        prop_assert_eq!(body(&whole, 1), by_serde(&whole).map(|_| Some(text)));
    }
}

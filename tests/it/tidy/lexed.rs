//! The text of a Rust file, taken apart into code, comments and literals, so that a rule about one of them does not judge the others.

/// The parts of a text. Each has all lines of the text, and a space for each character of the other parts.
pub(super) struct Lexed {
    pub(super) code: String,
    pub(super) comments: String,
    /// Strings and characters, with their quotes.
    pub(super) literals: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

impl Lexed {
    pub(super) fn of(text: &str) -> Self {
        let chars: Vec<char> = text.chars().collect();
        let mut lexed = Self { code: String::new(), comments: String::new(), literals: String::new() };
        let mut rest = chars.as_slice();
        while !rest.is_empty() {
            let (kind, length) = token(rest);
            let (token, after) = rest.split_at(length.min(rest.len()));
            for (of, part) in [
                (Kind::Code, &mut lexed.code),
                (Kind::Comment, &mut lexed.comments),
                (Kind::Literal, &mut lexed.literals),
            ] {
                part.extend(token.iter().map(|&c| if c == '\n' || of == kind { c } else { ' ' }));
            }
            rest = after;
        }
        lexed
    }
}

/// Whether a character may be in the name of an item.
pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The kind of the first token and its length. A comment, a literal and a word are one token each.
fn token(rest: &[char]) -> (Kind, usize) {
    match rest {
        ['/', '/', ..] => (Kind::Comment, count(rest, |c| c != '\n')),
        ['/', '*', ..] => (Kind::Comment, block(rest)),
        ['"', ..] => (Kind::Literal, quoted(rest)),
        // Any other quote begins a lifetime.
        ['\'', '\\', _, after @ ..] => (Kind::Literal, 3 + count(after, |c| c != '\'') + 1),
        ['\'', _, '\'', ..] => (Kind::Literal, 3),
        [first, ..] if is_word(*first) => word(rest),
        _ => (Kind::Code, 1),
    }
}

/// How many of the first characters are so.
fn count(chars: &[char], is_so: impl Fn(char) -> bool) -> usize {
    chars.iter().take_while(|c| is_so(**c)).count()
}

/// A word, or the raw string that it begins.
fn word(rest: &[char]) -> (Kind, usize) {
    let (word, after) = rest.split_at(count(rest, is_word));
    let hashes = count(after, |c| c == '#');
    match word {
        ['r'] | ['b' | 'c', 'r'] if after.get(hashes) == Some(&'"') => {
            (Kind::Literal, word.len() + raw(after, hashes))
        }
        _ => (Kind::Code, word.len()),
    }
}

/// The length of a raw string from its hashes on.
fn raw(rest: &[char], hashes: usize) -> usize {
    let ends = |at: usize| rest[at] == '"' && count(&rest[at + 1..], |c| c == '#') >= hashes;
    (hashes + 1..rest.len()).find(|at| ends(*at)).map_or(rest.len(), |at| at + 1 + hashes)
}

/// The length of a string in quotes.
fn quoted(rest: &[char]) -> usize {
    let mut at = 1;
    while let Some(c) = rest.get(at) {
        match c {
            '"' => return at + 1,
            '\\' => at += 2,
            _ => at += 1,
        }
    }
    rest.len()
}

/// The length of a comment that may have others in it.
fn block(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match &rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

#[test]
fn code_comments_and_literals_are_told_apart() {
    let text = concat!(
        "let a = \"// \\\" no\"; // \"yes\"\n",
        "let b = r#\"a \" b\"#; /* one /* two */ 'x' */ let c = '\"';\n",
        "fn d<'a>(r: &'a str) { let e = ('\\'', b'\\\\', br\"\\\"); } // 'end\n",
    );
    let lexed = Lexed::of(text);
    let squeezed = |part: &str| part.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(
        squeezed(&lexed.code),
        "let a = ; let b = ; let c = ; fn d<'a>(r: &'a str) { let e = ( , b , ); }"
    );
    assert_eq!(squeezed(&lexed.comments), "// \"yes\" /* one /* two */ 'x' */ // 'end");
    assert_eq!(squeezed(&lexed.literals), r##""// \" no" r#"a " b"# '"' '\'' '\\' br"\""##);
    assert_eq!(lexed.code.lines().count(), 3);
}

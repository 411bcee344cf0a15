//! The layers of `src` import only layers below them, in the order of ARCHITECTURE's map. So do the folders of `nats`.

use super::lexed::is_word;
use super::{Source, assert_none, exists, line_of, root, sources};

/// The layers of a folder, from the highest to the ground. Layers of one level do not import each other.
struct Map {
    folder: &'static str,
    /// By which paths code names a layer.
    paths: &'static [&'static str],
    levels: Vec<Vec<String>>,
}

impl Map {
    /// The layers of `src`.
    fn of_src() -> Self {
        Self { folder: "src/", paths: &["crate::", "jettimer::"], levels: read("main →") }
    }

    /// The folders of the layer `nats`.
    fn of_nats() -> Self {
        Self { folder: "src/nats/", paths: &["crate::nats::"], levels: read("topology →") }
    }

    /// The level of a layer, counted from the highest one.
    fn level(&self, layer: &str) -> Option<usize> {
        self.levels.iter().position(|level| level.iter().map(String::as_str).any(|name| name == layer))
    }

    fn violations(&self, source: &Source) -> Vec<String> {
        let Some((layer, _)) = source.path.strip_prefix(self.folder).and_then(|path| path.split_once('/'))
        else {
            // Another folder, or a file next to the layers: the ground of `nats`, or `main` and the entrance of the fuzzer.
            return vec![];
        };
        let Some(level) = self.level(layer) else {
            return vec![format!("{}: the map does not have the layer {layer}", source.path)];
        };
        let code = &source.lexed.code;
        let steps = depth(&source.path) + 1 - self.folder.matches('/').count();
        let named = imports(code, self.paths).into_iter().chain(climbs(code, steps));
        let above =
            named.filter(|(_, name)| *name != layer && self.level(name).is_some_and(|other| other <= level));
        above
            .map(|(at, name)| format!("{}:{}: {layer} imports {name}", source.path, line_of(code, at)))
            .collect()
    }
}

/// Reads the line of ARCHITECTURE's map that begins so.
fn read(beginning: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let line = text.lines().find(|line| line.trim_start().starts_with(beginning));
    let line = line.expect("ARCHITECTURE.md has the order of the layers");
    let layers = |level: &str| -> Vec<String> {
        let names = level.split(['{', '}', ',', ' ']).filter(|name| !name.is_empty());
        names.map(str::to_owned).collect()
    };
    line.split('→').map(layers).collect()
}

/// How many steps of `super` lead from the module of a file to the root of the crate.
fn depth(path: &str) -> usize {
    path.trim_end_matches("/mod.rs").split('/').count() - 1
}

/// The items of the module with these paths that code names, each with its place in the code.
fn imports<'c>(code: &'c str, paths: &[&str]) -> Vec<(usize, &'c str)> {
    let mut found = vec![];
    for root in paths {
        for (at, _) in code.match_indices(root).filter(|(at, _)| !code[..*at].ends_with(is_word)) {
            found.extend(heads(code, at + root.len()));
        }
    }
    found
}

/// The first names of the path, or of the paths in braces, that begin at this place.
fn heads(code: &str, at: usize) -> Vec<(usize, &str)> {
    let Some(group) = code[at..].strip_prefix('{') else { return vec![(at, first_word(&code[at..]))] };
    let (mut depth, mut begins, mut found) = (1, true, vec![]);
    for (place, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => begins = true,
            c if begins && is_word(c) => {
                found.push((at + 1 + place, first_word(&group[place..])));
                begins = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    found
}

/// The items that code names by so many steps of `super` that the path leaves the layer.
fn climbs(code: &str, depth: usize) -> Vec<(usize, &str)> {
    const STEP: &str = "super::";
    let paths = code.match_indices(STEP).map(|(at, _)| (at, &code[at..]));
    let paths = paths.filter_map(|(at, path)| {
        let after = path.trim_start_matches(STEP);
        let steps = (path.len() - after.len()) / STEP.len();
        (steps >= depth).then(|| (at, first_word(after)))
    });
    paths.collect()
}

fn first_word(text: &str) -> &str {
    text.split(|c: char| !is_word(c)).next().unwrap_or_default()
}

#[test]
fn a_layer_imports_only_layers_below_it() {
    let sources = sources(&["src"]);
    let maps = [Map::of_src(), Map::of_nats()];
    let faults = maps.iter().flat_map(|map| sources.iter().flat_map(move |source| map.violations(source)));
    assert_none(
        &faults.collect::<Vec<_>>(),
        "Move the code that both layers need into a lower layer, or hand the value or a function in as an argument. \
         The order of the layers is in ARCHITECTURE.md, \"Map\".",
    );
}

#[test]
fn the_map_has_no_layer_that_is_gone() {
    let is_there = |folder: &str, layer: &str| {
        [format!("{folder}{layer}/mod.rs"), format!("{folder}{layer}.rs"), format!("{layer}/src/lib.rs")]
            .iter()
            .any(|path| exists(path))
    };
    let mut gone = vec![];
    for map in [Map::of_src(), Map::of_nats()] {
        let layers = map.levels.concat().into_iter().filter(|layer| !is_there(map.folder, layer));
        gone.extend(layers.map(|layer| format!("{}{layer}", map.folder)));
    }
    assert_none(
        &gone,
        "ARCHITECTURE.md, \"Map\", has these layers, and neither a folder nor a crate is there.",
    );
}

#[test]
fn each_way_to_name_a_layer_is_seen() {
    let code =
        "use crate::api::Api; use crate::{app::{self, dev}, nats, node::x::{y, z}}; a(crate::rules::b)";
    let named = |code, map: Map| -> Vec<&str> {
        imports(code, map.paths).into_iter().map(|(_, name)| name).collect()
    };
    assert_eq!(named(code, Map::of_src()), ["api", "app", "nats", "node", "rules"]);
    let code = "use crate::nats::{api::read, timers::{record, store}}; a(crate::nats::status::b)";
    assert_eq!(named(code, Map::of_nats()), ["api", "timers", "status"]);
    let code = "use super::super::api::Api; use super::pull;";
    let names = |path| climbs(code, depth(path)).into_iter().map(|(_, name)| name).collect::<Vec<_>>();
    assert_eq!(names("src/nats/names.rs"), ["api"]);
    assert!(names("src/nats/api/answer.rs").is_empty());
    assert_eq!(names("src/nats/api/mod.rs"), ["api"]);
}

//! Finds the operation of a request by its method and path. Requests for other paths and methods are answered with 404 or 405.

use warp::http::Method;

use super::operation::{OPERATIONS, Offered, Operation};

/// The operations that a node offers in addition to those of every node.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Serves {
    pub(super) timers: bool,
    pub(super) page: bool,
    /// The inbox of `jettimer dev`.
    pub(super) inbox: bool,
}

impl Serves {
    fn has(self, operation: &Operation) -> bool {
        match operation.offered {
            Offered::Everywhere(_) => true,
            Offered::WithApi(_) => self.timers,
            Offered::WithPage(_) => self.page,
            Offered::InDev(_) => self.inbox,
        }
    }
}

/// Why a request has no operation.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoRoute {
    /// There is no such path.
    NotFound,
    /// The path takes only these methods: the value of `Allow`.
    OtherMethod(String),
}

/// Finds the operation of a request, and the part of its path that varies: empty if no part varies; with the text between them if several
/// parts vary.
pub(super) fn find<'p>(
    method: &Method,
    path: &'p str,
    serves: Serves,
) -> Result<(&'static Operation, &'p str), NoRoute> {
    // A path that answers GET also answers HEAD; the server leaves out the body.
    let asked = if method == Method::HEAD { &Method::GET } else { method };
    let here = OPERATIONS.iter().filter(|operation| serves.has(operation));
    let here = here.filter_map(|operation| Some((operation, matched(operation.path, path)?)));
    if let Some(found) = here.clone().find(|(operation, _)| operation.method == *asked) {
        return Ok(found);
    }
    let methods: Vec<&str> = here.map(|(operation, _)| names(&operation.method)).collect();
    Err(if methods.is_empty() { NoRoute::NotFound } else { NoRoute::OtherMethod(methods.join(", ")) })
}

/// The names in `Allow` for a method.
fn names(method: &Method) -> &str {
    if method == Method::GET { "GET, HEAD" } else { method.as_str() }
}

/// The varying part of `path`, if it fits the template.
fn matched<'p>(template: &str, path: &'p str) -> Option<&'p str> {
    let Some((before, rest)) = template.split_once('{') else {
        return (template == path).then_some("");
    };
    let (names, after) = rest.rsplit_once('}')?;
    let varying = path.strip_prefix(before)?.strip_suffix(after)?;
    let parts = varying.split('/').filter(|part| !part.is_empty()).count();
    let wanted = names.split('/').count();
    (parts == wanted && varying.split('/').count() == wanted).then_some(varying)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Serves = Serves { timers: true, page: true, inbox: true };

    /// The name of the operation, and the part that varies.
    fn found<'p>(method: &Method, path: &'p str, serves: Serves) -> Result<(&'static str, &'p str), NoRoute> {
        find(method, path, serves).map(|(operation, varying)| (operation.name, varying))
    }

    #[test]
    fn each_path_takes_its_methods_and_names_them_otherwise() {
        let id = "/timer/x";
        assert_eq!(found(&Method::GET, id, ALL), Ok(("get_timer", "x")));
        assert_eq!(found(&Method::HEAD, id, ALL), Ok(("get_timer", "x")));
        assert_eq!(found(&Method::POST, "/timer/x/fire", ALL), Ok(("fire_timer", "x")));
        assert_eq!(found(&Method::HEAD, "/ui/1/a/b.js", ALL), Ok(("page_file", "1/a/b.js")));
        let other = NoRoute::OtherMethod("GET, HEAD, PATCH, DELETE".to_owned());
        assert_eq!(found(&Method::PUT, id, ALL), Err(other));
        for nothing in [
            "/timer/",
            "/timer/x/",
            "/timer/x/y",
            "/timer//fire",
            "",
            "/TIMER",
            "/ui/1/a",
            "/ui/1//b.js",
            "/ui/1/a/b/c",
            "/ui/1/a/",
        ] {
            assert_eq!(found(&Method::GET, nothing, ALL), Err(NoRoute::NotFound), "{nothing}");
        }
    }

    #[test]
    fn a_node_without_the_api_tells_of_itself_only() {
        let none = Serves::default();
        assert_eq!(found(&Method::GET, "/readyz", none), Ok(("readiness", "")));
        assert_eq!(found(&Method::GET, "/metrics", none), Ok(("metrics", "")));
        assert_eq!(found(&Method::POST, "/timer", none), Err(NoRoute::NotFound));
        assert_eq!(found(&Method::GET, "/dev/inbox", Serves { inbox: false, ..ALL }), Err(NoRoute::NotFound));
    }

    #[test]
    fn a_node_may_have_the_api_without_the_page() {
        let api = Serves { page: false, ..ALL };
        assert_eq!(found(&Method::GET, "/docs", api), Ok(("docs", "")));
        for path in ["/", "/ui_timer", "/ui/1/a/b.js"] {
            assert_eq!(found(&Method::GET, path, api), Err(NoRoute::NotFound), "{path}");
        }
    }
}

//! Finds the operation of a request by its method and path. Requests for other paths and methods are answered with 404 or 405.

use warp::http::Method;

use super::operation::{DEV_PATHS, NODE_PATHS, Operation, PAGE_PATHS, TIMER_PATHS};

/// The paths that a node serves in addition to those of every node.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Serves {
    pub(super) timers: bool,
    pub(super) page: bool,
    /// The inbox of `jettimer dev`.
    pub(super) inbox: bool,
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
) -> Result<(Operation, &'p str), NoRoute> {
    let timer_paths = if serves.timers { TIMER_PATHS } else { &[] };
    let page_paths = if serves.page { PAGE_PATHS } else { &[] };
    let dev_paths = if serves.inbox { DEV_PATHS } else { &[] };
    for (template, methods) in NODE_PATHS.iter().chain(timer_paths).chain(page_paths).chain(dev_paths) {
        let Some(varying) = matched(template, path) else { continue };
        // A path that answers GET also answers HEAD; the server leaves out the body.
        let asked = if method == Method::HEAD { &Method::GET } else { method };
        return match methods.iter().find(|(method, _)| method == asked) {
            Some((_, operation)) => Ok((*operation, varying)),
            None => Err(NoRoute::OtherMethod(allow(methods))),
        };
    }
    Err(NoRoute::NotFound)
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

fn allow(methods: &[(Method, Operation)]) -> String {
    let mut names = vec![];
    for (method, _) in methods {
        names.push(method.as_str());
        if method == Method::GET {
            names.push("HEAD");
        }
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::operation::Operation as Op;

    const ALL: Serves = Serves { timers: true, page: true, inbox: true };

    #[test]
    fn each_path_takes_its_methods_and_names_them_otherwise() {
        let id = "/timer/x";
        assert_eq!(find(&Method::GET, id, ALL), Ok((Op::GetTimer, "x")));
        assert_eq!(find(&Method::HEAD, id, ALL), Ok((Op::GetTimer, "x")));
        assert_eq!(find(&Method::POST, "/timer/x/fire", ALL), Ok((Op::FireTimer, "x")));
        assert_eq!(find(&Method::HEAD, "/ui/1/a/b.js", ALL), Ok((Op::PageFile, "1/a/b.js")));
        let other = NoRoute::OtherMethod("GET, HEAD, PATCH, DELETE".to_owned());
        assert_eq!(find(&Method::PUT, id, ALL), Err(other));
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
            assert_eq!(find(&Method::GET, nothing, ALL), Err(NoRoute::NotFound), "{nothing}");
        }
    }

    #[test]
    fn a_node_without_the_api_tells_of_itself_only() {
        let none = Serves::default();
        assert_eq!(find(&Method::GET, "/readyz", none), Ok((Op::Readiness, "")));
        assert_eq!(find(&Method::GET, "/metrics", none), Ok((Op::Metrics, "")));
        assert_eq!(find(&Method::POST, "/timer", none), Err(NoRoute::NotFound));
        assert_eq!(find(&Method::GET, "/dev/inbox", Serves { inbox: false, ..ALL }), Err(NoRoute::NotFound));
    }

    #[test]
    fn a_node_may_have_the_api_without_the_page() {
        let api = Serves { page: false, ..ALL };
        assert_eq!(find(&Method::GET, "/docs", api), Ok((Op::Docs, "")));
        for path in ["/", "/ui_timer", "/ui/1/a/b.js"] {
            assert_eq!(find(&Method::GET, path, api), Err(NoRoute::NotFound), "{path}");
        }
    }
}

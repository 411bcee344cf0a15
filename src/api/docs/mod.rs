//! `GET /docs`: a page that shows the OpenAPI document and sends requests.
//!
//! The page loads nothing but `/openapi.json`. A viewer from a registry would put a megabyte of minified and unreviewed script into the
//! repository, and would need styles that this page's policy forbids.

use super::standalone::{Standalone, joined};

/// The page that shows the document.
pub(super) const PAGE: Standalone =
    joined!("../ui/base/json.js", "dom.js", "document.js", "schema.js", "request.js", "page.js");

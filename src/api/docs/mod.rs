//! `GET /docs`: a page that shows the OpenAPI document and sends requests.
//!
//! It loads nothing but `/openapi.json`. A viewer from a registry would be a megabyte of minified script in the repository
//! that nobody reviews, and would want styles that this page's policy forbids.

use super::standalone::{Standalone, joined};

/// The page.
pub(super) const PAGE: Standalone =
    joined!("../../ui/base/json.js", "dom.js", "document.js", "schema.js", "request.js", "page.js");

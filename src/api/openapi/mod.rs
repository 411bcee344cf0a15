//! `GET /openapi.json`: the contract, in OpenAPI 3.1, put together from the files in this folder.
//!
//! Each file is one section of the document and has the section's name: `#/components/schemas/Timer` is `Timer` in `schemas.json`. The
//! files are written by hand, and the compiler joins them as text. So the reviewed text is served, in the same order, and nothing about it
//! can fail while a node runs. Tests tie it to the code: to `operation`, to the kinds of problems, to the constants of each limit, and, in
//! `tests/it`, to every answer that a node gives there.

use warp::http::StatusCode;

use super::answer::{self, Answer};

/// The OpenAPI document (3.1), as JSON.
pub const DOCUMENT: &str = concat!(
    "{\n\"openapi\": \"3.1.1\",\n\"jsonSchemaDialect\": \"https://json-schema.org/draft/2020-12/schema\",\n",
    "\"info\": ",
    include_str!("info.json"),
    ",\"servers\": [{\"url\": \"./\"}],\n\"tags\": ",
    include_str!("tags.json"),
    ",\"paths\": ",
    include_str!("paths.json"),
    ",\"webhooks\": ",
    include_str!("webhooks.json"),
    ",\"components\": {\n\"schemas\": ",
    include_str!("schemas.json"),
    ",\"parameters\": ",
    include_str!("parameters.json"),
    ",\"headers\": ",
    include_str!("headers.json"),
    ",\"responses\": ",
    include_str!("responses.json"),
    ",\"examples\": ",
    include_str!("examples.json"),
    ",\"securitySchemes\": ",
    include_str!("securitySchemes.json"),
    "}\n}\n",
);

pub(super) fn show() -> Answer {
    answer::text(StatusCode::OK, "application/json", DOCUMENT)
}

#[cfg(test)]
mod tests;

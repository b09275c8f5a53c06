//! Lineage: typed links from a document to what it was made from, generator models included.

use crate::acquisition::Acquisition;
use crate::issuer::Domain;
use crate::vocab::words;
use serde::{Deserialize, Serialize};

/// Deepest chain of ancestors that is followed; a deeper one is `unknown`.
pub const MAX_DEPTH: usize = 8;

/// Most ancestors of one document that are looked at, at all depths together.
pub const MAX_ANCESTORS: usize = 256;

words!(
    /// How one document came from another.
    Link {
        /// The same content in another container.
        SameContent = "same-content",
        /// A part of it.
        Excerpt = "excerpt",
        /// A translation of it.
        Translation = "translation",
        /// An adaptation: a summary, a paraphrase.
        Adaptation = "adaptation",
        /// Notes made over it.
        Annotation = "annotation",
        /// Output of a model: the parent is an input, or the generator itself (a work `model:...`).
        Generated = "generated",
    }
);

/// One link to an ancestor.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DerivedFrom {
    /// How.
    pub link: Link,
    /// The ancestor's own acquisition. Left out: the chain is unresolved here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(no_recursion))]
    pub parent: Option<Box<Acquisition>>,
    /// Who says so. Left out: the asker itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub asserted_by: Option<Domain>,
}

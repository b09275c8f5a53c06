//! Categories of use, and the small closed vocabularies that statements and questions share.

pub mod agents;
pub mod labels;

use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $word)] $variant),+ }

        // Written out, since the derive does not see a renaming that comes out of a macro.
        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                let kind = utoipa::openapi::schema::SchemaType::new(utoipa::openapi::schema::Type::String);
                let words = utoipa::openapi::ObjectBuilder::new().schema_type(kind).enum_values(Some([$($word),+]));
                utoipa::openapi::RefOr::T(words.build().into())
            }
        }
        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {}

        impl $name {
            /// Every word, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word as it is written everywhere: JSON, command line, pages.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.word())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::vocab::UnknownWord;
            fn from_str(text: &str) -> Result<Self, $crate::vocab::UnknownWord> {
                Self::ALL.iter().copied().find(|known| known.word() == text).ok_or_else(|| $crate::vocab::UnknownWord {
                    word: text.chars().take(60).collect(),
                    known: [$($word),+].join(", "),
                })
            }
        }
    };
}
pub(crate) use words;

/// A word that its vocabulary does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is none of: {known}")]
pub struct UnknownWord {
    /// What was given, cut to 60 characters.
    pub word: String,
    /// What is known, comma-separated.
    pub known: String,
}

words!(
    /// Category of use. The first three are named as AIPREF names them (draft-ietf-aipref-vocab-08, 2026-09-14); the
    /// others are the atoms that it leaves out. Labels of other standards map onto these through one table a standard.
    Use {
        /// Change learned parameters of a generative model.
        TrainAi = "train-ai",
        /// System-chosen input to a generative model: retrieval, grounding, summaries, display in answers.
        AiUse = "ai-use",
        /// Find and link; excerpts only to judge relevance.
        Search = "search",
        /// Train models that serve non-generative tasks only.
        TrainNongen = "train-nongen",
        /// Embedding or vector index built for retrieval by a model.
        AiIndex = "ai-index",
        /// Fetch at a named user's request, shown to that user.
        AiUserFetch = "ai-user-fetch",
        /// Text and data mining that is none of the above.
        TdmOther = "tdm-other",
        /// Acquisition itself: fetching the URL.
        Crawl = "crawl",
        /// Republishing the document in a data set.
        Redistribute = "redistribute",
    }
);

impl Use {
    /// The uses that a word of the command line or of a terms file stands for: one atom, or the sets `all` (everything
    /// but `crawl`), `tdm` and `ai-all`. Stored statements hold atoms alone, so that a set can't change under them.
    ///
    /// # Errors
    /// [`UnknownWord`] for anything else.
    pub fn expand(word: &str) -> Result<Vec<Self>, UnknownWord> {
        match word {
            "all" => Ok(Self::ALL.iter().copied().filter(|atom| *atom != Self::Crawl).collect()),
            "tdm" => Ok(vec![Self::TrainAi, Self::TrainNongen, Self::AiIndex, Self::TdmOther]),
            "ai-all" => Ok(vec![Self::TrainAi, Self::AiUse, Self::AiIndex]),
            atom => atom.parse().map(|atom| vec![atom]),
        }
    }
}

words!(
    /// What a rule says of a use. Saying nothing is the third value, and has no word: the rule is absent.
    Preference {
        /// It may be done, under the rule's constraints and duties.
        Allowed = "allowed",
        /// It may not be done.
        Disallowed = "disallowed",
    }
);

words!(
    /// What the asker is, as far as terms and statutes distinguish.
    AskerClass {
        /// For profit.
        Commercial = "commercial",
        /// A research organisation in the sense of EU directive 2019/790 article 2(1).
        ResearchOrganisation = "research-organisation",
        /// A cultural heritage institution.
        CulturalHeritage = "cultural-heritage",
        /// Not for profit, and neither of the two above.
        NonCommercial = "non-commercial",
        /// A natural person for private ends.
        Individual = "individual",
    }
);

words!(
    /// How a copy was got.
    Channel {
        /// A crawl of the open web.
        Crawl = "crawl",
        /// A feed delivered under a license.
        LicensedFeed = "licensed-feed",
        /// An interface that its operator charges or licenses for.
        Api = "api",
        /// A bought copy.
        Purchase = "purchase",
        /// A compilation that somebody else assembled (a dump, Books3).
        Compilation = "compilation",
        /// Work of an annotator.
        Annotation = "annotation",
        /// Answers of an expert, paid by the hour or piece.
        Expert = "expert",
        /// Generated by a model.
        Synthetic = "synthetic",
        /// Sent by a user.
        Upload = "upload",
    }
);

words!(
    /// By what access a copy was got.
    Access {
        /// Open to everybody.
        Open = "open",
        /// Behind a subscription that the asker holds.
        Subscribed = "subscribed",
        /// Delivered under a license.
        Licensed = "licensed",
        /// A technical measure or paywall was circumvented.
        Circumvented = "circumvented",
        /// From an infringing source.
        Infringing = "infringing",
        /// Not known.
        Unknown = "unknown",
    }
);

words!(
    /// What a training run leaves behind, for terms after an agreement's end.
    Artefact {
        /// The copied documents.
        Corpus = "corpus",
        /// Indexes and embeddings made from them.
        Index = "index",
        /// Model weights trained on them.
        Weights = "weights",
    }
);

words!(
    /// By what right the issuer speaks.
    Basis {
        /// Owns the rights.
        Owner = "owner",
        /// Holds an exclusive license.
        ExclusiveLicensee = "exclusive-licensee",
        /// Holds a license that may be passed on.
        SublicensableLicensee = "sublicensable-licensee",
        /// Speaks for the holder by delegation.
        Agent = "agent",
        /// Makes works of others available: may reserve, never clear.
        Host = "host",
    }
);

words!(
    /// The kind of carrier a signal was found on, which says who may have put it there.
    AuthorityKind {
        /// Inside the content, with a signature that validates.
        ContentSigned = "content-signed",
        /// Inside the content, unsigned.
        ContentUnsigned = "content-unsigned",
        /// In the page: meta, link, JSON-LD.
        Page = "page",
        /// In the HTTP response.
        Response = "response",
        /// A file of the site: robots.txt, tdmrep.json, ai.txt.
        SiteFile = "site-file",
        /// A third party's registry.
        Registry = "registry",
        /// A platform's default, which may not reflect the publisher. Never clears.
        PlatformDefault = "platform-default",
        /// Inferred from prose. Never clears.
        Inferred = "inferred",
    }
);

impl AuthorityKind {
    /// Whether a permission of this kind is nobody's word that counts: a platform's default, an inference, a third party's.
    #[must_use]
    pub const fn never_clears(self) -> bool {
        matches!(self, Self::PlatformDefault | Self::Inferred | Self::Registry)
    }
}

words!(
    /// What a crawler token stands for.
    AgentPurpose {
        /// Collects training data.
        Training = "training",
        /// Collects for an archive that others train on.
        Archive = "archive",
        /// Feeds a search index.
        Search = "search",
        /// Fetches at a user's request.
        User = "user",
        /// Not known.
        Unknown = "unknown",
    }
);

words!(
    /// How a page names somebody else as the source.
    CreditKind {
        /// A photo or picture credit.
        Credit = "credit",
        /// A byline of an agency or another house.
        Byline = "byline",
        /// A canonical link to another site.
        CanonicalLink = "canonical-link",
    }
);

words!(
    /// What a license mark applies to.
    AppliesTo {
        /// The document itself.
        Item = "item",
        /// The collection it stands in (a data set card, a site footer).
        Compilation = "compilation",
        /// Its metadata.
        Metadata = "metadata",
        /// The code around it.
        Code = "code",
        /// A part of it, such as a picture on the page.
        Part = "part",
        /// Not clear.
        Unclear = "unclear",
    }
);

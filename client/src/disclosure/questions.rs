//! Questions: what papers and registries can't know, each with an id, its words, and the reports that need an answer.

use super::Template;

/// In which form an answer is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A text; `"N/A: why"` says that the question does not apply.
    Text,
    /// `true` or `false`.
    YesNo,
    /// A list of texts.
    List,
    /// A whole number.
    Number,
}

/// A question.
#[derive(Debug, Clone, Copy)]
pub struct Question {
    /// The name of its answer under `[disclosure]`.
    pub id: &'static str,
    /// In which form it is answered.
    pub form: Form,
    /// What it asks.
    pub text: &'static str,
    /// Which reports show the answer.
    pub reports: &'static [Template],
}

const fn ask(id: &'static str, form: Form, text: &'static str, reports: &'static [Template]) -> Question {
    Question { id, form, text, reports }
}

const EU: &[Template] = &[Template::Eu, Template::EuSme];
const CA: &[Template] = &[Template::California];
const EU_CA: &[Template] = &[Template::Eu, Template::EuSme, Template::California];
const COPYRIGHT: &[Template] = &[Template::GpaiCopyright];
const EU_COPYRIGHT: &[Template] = &[Template::Eu, Template::EuSme, Template::GpaiCopyright];
const ALL: &[Template] = &[Template::Eu, Template::EuSme, Template::California, Template::GpaiCopyright];

/// All of them, in the order in which the reports come to them.
pub const QUESTIONS: &[Question] = &[
    ask("summary-version", Form::Text, "Version of the summary, with links to earlier ones", EU),
    ask("provider-name", Form::Text, "Name of the provider or developer", ALL),
    ask("provider-contact", Form::Text, "Contact details of the provider", EU_COPYRIGHT),
    ask("authorised-representative", Form::Text, "Authorised representative in the Union: name and contact", EU),
    ask("model-names", Form::List, "Versioned names of the models or systems", ALL),
    ask("model-dependencies", Form::List, "Models that this one was made from, with links to their summaries", EU),
    ask("market-date", Form::Text, "Date of placement on the Union market", EU),
    ask("text-tokens", Form::Number, "Training tokens of text (optional: bytes are counted)", EU),
    ask("audio-hours", Form::Number, "Hours of audio (optional: bytes are counted)", EU),
    ask("video-hours", Form::Number, "Hours of video (optional: bytes are counted)", EU),
    ask("content-types-text", Form::Text, "Types of text: fiction, press, scientific, legal, code ...", EU),
    ask("content-types-image", Form::Text, "Types of images: photography, visual art, infographics ...", EU),
    ask("content-types-audio", Form::Text, "Types of audio: music, audiobooks, radio, private ...", EU),
    ask("content-types-video", Form::Text, "Types of video: film, TV, games, social, journalistic ...", EU),
    ask("content-types-other", Form::Text, "Other modalities: which, and what they hold", EU),
    ask("latest-acquisition", Form::Text, "Latest date of acquisition (where papers carry none)", EU),
    ask("continuous-collection", Form::YesNo, "Is data collected continuously after that date?", EU_CA),
    ask("linguistic-characteristics", Form::Text, "Languages of the training data (where papers state none)", EU),
    ask("other-characteristics", Form::Text, "Other characteristics: national, regional, demographic (optional)", EU),
    ask("general-comments", Form::Text, "Comments on modalities and sizes (optional)", EU),
    ask("public-datasets-used", Form::YesNo, "Were publicly available data sets used?", EU),
    ask("public-datasets-large", Form::List, "Large public data sets: name, link, period of collection", EU),
    ask("public-datasets-other", Form::Text, "Other public data sets, described generally", EU),
    ask("private-collections", Form::List, "Collections of the papers that are not publicly available", EU),
    ask("commercial-licenses", Form::YesNo, "Were commercial licenses concluded with rightsholders?", EU_CA),
    ask("private-datasets-used", Form::YesNo, "Were other private data sets obtained from third parties?", EU_CA),
    ask("private-datasets-description", Form::Text, "Those private data sets, described generally", EU),
    ask("crawlers-used", Form::YesNo, "Was data crawled or scraped by the provider or for it?", EU),
    ask(
        "crawler-names",
        Form::List,
        "Names and identifiers of the crawlers (else the policy's own_agents)",
        EU_COPYRIGHT,
    ),
    ask("crawler-purposes", Form::Text, "Purposes of the crawlers", EU),
    ask("crawler-behaviour", Form::Text, "How crawlers treat robots.txt, captchas, paywalls, logins", EU_COPYRIGHT),
    ask("crawled-content", Form::Text, "What content and what kinds of sources were crawled", EU),
    ask("user-data-model", Form::YesNo, "Was data from users' interactions with the model used?", EU),
    ask("user-data-services", Form::YesNo, "Was data from users of other services or products used?", EU),
    ask("user-data-description", Form::Text, "Those services, the data and its modalities", EU),
    ask("synthetic-data-used", Form::YesNo, "Was synthetic data made by the provider or for it?", EU_CA),
    ask("synthetic-models", Form::List, "General-purpose models that made it, with links to their summaries", EU),
    ask("synthetic-other-models", Form::Text, "Other models that made it, and what they were trained on", EU),
    ask("other-sources-used", Form::YesNo, "Were other sources used: offline, digitised, human-made?", EU),
    ask("other-sources-description", Form::Text, "Those other sources", EU),
    ask(
        "code-of-practice-signatory",
        Form::YesNo,
        "Is the provider a signatory of the Code of Practice?",
        EU_COPYRIGHT,
    ),
    ask("tdm-measures", Form::Text, "Measures before and during collection that respect reservations", EU),
    ask("copyright-policy-url", Form::Text, "Where the copyright policy, or its summary, is published", EU_COPYRIGHT),
    ask("illegal-content-measures", Form::Text, "Measures against illegal content in the training data", EU),
    ask("other-processing", Form::Text, "Other information on processing (optional)", EU),
    ask("dataset-owners", Form::Text, "Owners of the data sets (optional: sources are counted)", CA),
    ask("dataset-purpose", Form::Text, "How the data sets further the purpose of the system", CA),
    ask("data-point-types", Form::Text, "Types of labels, or general characteristics of the data points", CA),
    ask("trademarks-and-patents", Form::Text, "Whether data sets hold trademarked or patented material", CA),
    ask("personal-information", Form::YesNo, "Do the data sets include personal information?", CA),
    ask("consumer-information", Form::YesNo, "Do they include aggregate consumer information?", CA),
    ask("cleaning", Form::Text, "Cleaning, processing, modification, and what for", CA),
    ask("first-used", Form::Text, "When the data sets were first used in development", CA),
    ask("synthetic-need", Form::Text, "What synthetic data is needed for (optional)", CA),
    ask("copyright-policy-owner", Form::Text, "Who in the organisation answers for the copyright policy", COPYRIGHT),
    ask("lawful-access-measures", Form::Text, "How circumvention of technical measures is kept out", COPYRIGHT),
    ask(
        "crawler-information-url",
        Form::Text,
        "Where crawlers and their robots.txt behaviour are described",
        COPYRIGHT,
    ),
    ask("crawler-changes-url", Form::Text, "Where rightsholders are told of changes, such as a feed", COPYRIGHT),
    ask("output-measures", Form::Text, "Safeguards against infringing outputs", COPYRIGHT),
    ask("acceptable-use-url", Form::Text, "Where infringing uses are prohibited", COPYRIGHT),
    ask("complaints-contact", Form::Text, "Point of contact for rightsholders", COPYRIGHT),
    ask("complaints-procedure", Form::Text, "How complaints are taken in, answered and recorded", COPYRIGHT),
];

/// The question of this id.
#[must_use]
pub fn question(id: &str) -> Option<&'static Question> {
    QUESTIONS.iter().find(|question| question.id == id)
}

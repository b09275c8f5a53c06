//! The terms file: TOML that a person writes, read into a statement in its one form.
//!
//! Two spellings, which may be mixed: short (`include = ["*.press.example"]`, `price = "0.01 EUR"`, members of the body at
//! the top), and member for member as the statement's JSON has it (`[body]`, `{ target = "host", ... }`,
//! `action = { duty = "pay", price = { rate = ... } }`). Lists may stand in any order, sets of uses by their name.

use crate::toml_file::{self, Complaint, FileError, Members, Value, value, word};
use cleartitle_schema::id::{ContentName, ListId, StatementId};
use cleartitle_schema::issuer::{Domain, Party};
use cleartitle_schema::license::check_expression;
use cleartitle_schema::money::{Amount, Meter, Price, Rate};
use cleartitle_schema::scope::{Scope, Target};
use cleartitle_schema::signals::Sighting;
use cleartitle_schema::statement::{Body, Kind, Statement, VERSION};
use cleartitle_schema::terms::{Action, Clause, Constraints, Duty, Phase, Rule, Terms};
use cleartitle_schema::time::Timestamp;
use cleartitle_schema::vocab::{Basis, Preference, Use};
use std::ops::Range;
use toml::de::DeValue;

/// What a terms file leaves to the command line and the registry.
#[derive(Debug, Clone)]
pub struct Context {
    /// Origin of the log that the statement is for.
    pub log: String,
    /// Who speaks.
    pub issuer: Domain,
    /// Now.
    pub issued_at: Timestamp,
}

/// Reads a terms file.
///
/// # Errors
/// [`FileError`] with line, column and member of the first thing that is wrong.
pub fn parse(file: &str, text: &str, context: &Context) -> Result<Statement, FileError> {
    toml_file::read(file, text, |members| statement(members, context))
}

fn statement(mut top: Members<'_>, context: &Context) -> Result<Statement, Complaint> {
    if let Some(log) = top.take("log") {
        let span = log.span();
        if value::<String>(log)? != context.log {
            return Err(Complaint::new(span, format!("the statement is for another log than `{}`", context.log)));
        }
    }
    let issuer = issuer(&mut top, context)?;
    let issued_at = top.optional("issued_at")?.unwrap_or(context.issued_at);
    let effective = top.optional("effective")?.unwrap_or_default();
    let supersedes = sorted(top.list("supersedes", value::<StatementId>)?);
    let delegation = top.optional("delegation")?;
    let countersigned_by = sorted(top.list("countersigned_by", value::<Domain>)?);
    let evidence = sorted(top.list("evidence", value)?);
    let modelled_on = top.take("modelled_on").map(report).transpose()?;
    let note = top.optional("note")?;
    // As JSON has it, the body is a table of its own.
    let mut apart = top.take("body").map(Members::of).transpose()?;
    let (kind_span, body) = body(apart.as_mut().unwrap_or(&mut top))?;
    apart.map_or(Ok(()), Members::finish)?;
    top.finish()?;
    let statement = Statement {
        version: VERSION,
        log: context.log.clone(),
        issuer,
        issued_at,
        effective,
        supersedes,
        delegation,
        countersigned_by,
        body,
        evidence,
        modelled_on,
        note,
        remains_of: None,
    };
    // What the members can't show one by one: contradictions between them, and the length of the whole.
    statement.to_payload().map_err(|error| Complaint::new(kind_span, error.to_string()))?;
    Ok(statement)
}

fn issuer(top: &mut Members<'_>, context: &Context) -> Result<Party, Complaint> {
    let Some(written) = top.take("issuer") else { return Ok(Party::new(context.issuer.clone())) };
    let span = written.span();
    let told = match written.get_ref() {
        DeValue::Table(_) => {
            let mut members = Members::of(written)?;
            let domain = members.optional("domain")?.unwrap_or_else(|| context.issuer.clone());
            party_of(members, domain)?
        }
        _ => party(written)?,
    };
    if told.domain == context.issuer {
        return Ok(told);
    }
    Err(Complaint::new(span, format!("the file's issuer is `{}`, the command's `{}`", told.domain, context.issuer)))
}

/// The body's members, and where its kind stands.
fn body(top: &mut Members<'_>) -> Result<(Range<usize>, Body), Complaint> {
    let kind = top.take("kind").ok_or_else(|| {
        top.missing("kind").hint("one of reservation, grant, offer, acceptance, agreement, dispute, withdrawal ...")
    })?;
    let span = kind.span();
    let body = body_of(top, word(kind)?, &span)?;
    Ok((span, body))
}

fn body_of(top: &mut Members<'_>, kind: Kind, kind_span: &Range<usize>) -> Result<Body, Complaint> {
    Ok(match kind {
        Kind::Reservation => {
            let (basis, scope, terms) = claim(top, Preference::Disallowed)?;
            Body::Reservation { basis, scope, terms }
        }
        Kind::Grant => {
            let (basis, scope, terms) = claim(top, Preference::Allowed)?;
            Body::Grant { basis, scope, terms }
        }
        Kind::Offer => {
            let (basis, scope, terms) = claim(top, Preference::Allowed)?;
            Body::Offer { basis, scope, terms, accept_until: top.optional("accept_until")? }
        }
        Kind::Agreement => {
            let (basis, scope, terms) = claim(top, Preference::Allowed)?;
            let licensees = sorted(top.list("licensees", party)?);
            Body::Agreement { basis, scope, terms, licensees, ending: top.optional("ending")? }
        }
        Kind::Acceptance => {
            let scope = top.take("scope").map(scope_of).transpose()?;
            Body::Acceptance { offer: top.required("offer")?, scope }
        }
        Kind::Release => Body::Release {
            scope: scope(top)?,
            released: sorted(top.list("released", party)?),
            conduct: top.required("conduct")?,
            paid: top.take("paid").map(full_price).transpose()?,
        },
        Kind::Discharge => Body::Discharge {
            statement: top.required("statement")?,
            duty: top.required("duty")?,
            licensee: party(top.take("licensee").ok_or_else(|| top.missing("licensee"))?)?,
            period: top.optional("period")?,
            amount: top.take("amount").map(amount).transpose()?,
            manifest: top.optional("manifest")?,
        },
        Kind::Dispute => Body::Dispute {
            basis: top.required("basis")?,
            scope: scope(top)?,
            case: top.required("case")?,
            against: sorted(top.list("against", party)?),
            agreement: top.optional("agreement")?,
        },
        Kind::Observation => Body::Observation { scope: scope(top)?, sighting: sighting(top)? },
        Kind::Withdrawal => Body::withdrawal_of(top.required("statement")?),
        Kind::Delegation => Body::Delegation {
            agent: party(top.take("agent").ok_or_else(|| top.missing("agent"))?)?,
            scope: scope(top)?,
            onward: top.optional("onward")?.unwrap_or_default(),
        },
        Kind::KeyBinding => {
            return Err(Complaint::new(kind_span.clone(), "a key binding is made by the registry's operator")
                .hint("the operator runs `cleartitle-server bind-key --issuer DOMAIN --key PUBLIC_KEY_FILE`"));
        }
        Kind::Erasure => {
            return Err(Complaint::new(kind_span.clone(), "an erasure is made by the registry's operator")
                .hint("the operator runs `cleartitle-server erase --statement ID --reason TEXT`; to end a statement, withdraw it"));
        }
        Kind::ClaimProof => {
            return Err(Complaint::new(kind_span.clone(), "a claim is proven by what the registry sees")
                .hint("`cleartitle claim prove` asks it to look"));
        }
        Kind::Challenge => Body::Challenge {
            claim: top.required("claim")?,
            content: sorted(top.list("content", value::<ContentName>)?),
            why: top.required("why")?,
        },
        Kind::Answer => Body::Answer { challenge: top.required("challenge")?, why: top.required("why")? },
        Kind::Manifest => Body::Manifest {
            role: top.required("role")?,
            list: top.required("list")?,
            rows: top.required("rows")?,
            bytes: top.required("bytes")?,
            media_type: top.required("media_type")?,
            name: top.optional("name")?,
        },
    })
}

fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort();
    list.dedup();
    list
}

fn claim(top: &mut Members<'_>, usual: Preference) -> Result<(Basis, Scope, Terms), Complaint> {
    let basis = top.take("basis").ok_or_else(|| {
        let words: Vec<&str> = Basis::ALL.iter().map(|basis| basis.word()).collect();
        top.missing("basis").hint(format!("say by what right you speak: {}", words.join(", ")))
    })?;
    let basis = word(basis)?;
    let scope = scope(top)?;
    let terms = Members::of(top.take("terms").ok_or_else(|| {
        top.missing("terms").hint("rules stand under [[terms.rules]]; `cleartitle init --terms` writes an example")
    })?)?;
    Ok((basis, scope, self::terms(terms, usual)?))
}

fn scope(top: &mut Members<'_>) -> Result<Scope, Complaint> {
    let Some(written) = top.take("scope") else {
        return Err(top.missing("scope").hint("write [scope] and under it include = [\"press.example\"]"));
    };
    scope_of(written)
}

fn scope_of(written: Value<'_>) -> Result<Scope, Complaint> {
    let mut members = Members::of(written)?;
    let span = members.span();
    let include = targets(members.list("include", target)?);
    let exclude = targets(members.list("exclude", target)?);
    members.finish()?;
    if include.is_empty() {
        return Err(Complaint::new(span, "the scope includes nothing").hint("include = [\"press.example\"]"));
    }
    Ok(Scope { include, exclude })
}

/// Joins listed contents and listed works into one target each, and sorts.
fn targets(list: Vec<Target>) -> Vec<Target> {
    let (mut contents, mut works, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for target in list {
        match target {
            Target::Content { ids } => contents.extend(ids),
            Target::Works { ids } => works.extend(ids),
            other => others.push(other),
        }
    }
    if !contents.is_empty() {
        others.push(Target::Content { ids: sorted(contents) });
    }
    if !works.is_empty() {
        others.push(Target::Works { ids: sorted(works) });
    }
    sorted(others)
}

/// A target in its short form, a text, or in full, a table as JSON has it.
pub(crate) fn target(written: Value<'_>) -> Result<Target, Complaint> {
    let span = written.span();
    let Some(text) = written.get_ref().as_str() else { return value(written) };
    let text = text.to_owned();
    short_target(&text).map_err(|message| {
        Complaint::new(span, message).hint(
            "a target is a host `press.example`, hosts below it too `*.press.example`, a URL pattern \
             `https://press.example/archive/*.html$`, a content id `blake3:...`, a work `isbn:...`, a list `list:...`, or \
             `collection:NAME`",
        )
    })
}

fn short_target(text: &str) -> Result<Target, String> {
    if let Some(rest) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) {
        let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, Some(port.parse::<u16>().map_err(|_| format!("`{port}` is not a port"))?)),
            None => (authority, None),
        };
        let host = host.parse::<Domain>().map_err(|error| error.to_string())?;
        let port = port.filter(|port| !matches!(port, 80 | 443));
        return Ok(Target::Url { host, port, path: path.to_owned() });
    }
    if let Some(name) = text.strip_prefix("collection:") {
        return Ok(Target::Collection { name: name.to_owned() });
    }
    if text.starts_with(ListId::PREFIX) {
        return text.parse().map(|list| Target::Repertoire { list }).map_err(|error| error.to_string());
    }
    if ["blake3:", "sha256:", "warc-sha1:"].iter().any(|prefix| text.starts_with(prefix)) {
        let name = text.parse::<ContentName>().map_err(|error| error.to_string())?;
        return Ok(Target::Content { ids: vec![name] });
    }
    if text.contains(':') {
        let work = text.to_owned().try_into().map_err(|error| format!("{error}"))?;
        return Ok(Target::Works { ids: vec![work] });
    }
    let (host, subdomains) = text.strip_prefix("*.").map_or((text, false), |below| (below, true));
    host.parse()
        .map(|host| Target::Host { host, subdomains })
        .map_err(|error: cleartitle_schema::issuer::DomainError| error.to_string())
}

/// A party by its domain alone, or in full.
pub(crate) fn party(written: Value<'_>) -> Result<Party, Complaint> {
    if written.get_ref().as_str().is_some() {
        return value(written).map(Party::new);
    }
    let mut members = Members::of(written)?;
    let domain = members.required("domain")?;
    party_of(members, domain)
}

fn party_of(mut members: Members<'_>, domain: Domain) -> Result<Party, Complaint> {
    let party = Party {
        domain,
        legal_name: members.optional("legal_name")?,
        affiliates: sorted(members.list("affiliates", value)?),
        successors: sorted(members.list("successors", value)?),
    };
    members.finish()?;
    Ok(party)
}

/// `0.01 EUR`, or a table as JSON has it.
pub(crate) fn amount(written: Value<'_>) -> Result<Amount, Complaint> {
    let span = written.span();
    let Some(text) = written.get_ref().as_str() else { return value(written) };
    let told = |message: String| Complaint::new(span.clone(), message).hint("write an amount such as \"0.01 EUR\"");
    let (amount, currency) = text.split_once(' ').ok_or_else(|| told(format!("`{}` is not an amount", short(text))))?;
    Ok(Amount {
        amount: amount.parse().map_err(|error: cleartitle_schema::money::MoneyError| told(error.to_string()))?,
        currency: currency.parse().map_err(|error: cleartitle_schema::money::MoneyError| told(error.to_string()))?,
    })
}

fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(60).collect()
}

fn report(written: Value<'_>) -> Result<cleartitle_schema::statement::Report, Complaint> {
    let mut members = Members::of(written)?;
    // A date stays a date here: reports are dated by day.
    let as_of = match members.take("as_of") {
        Some(date) => match date.get_ref() {
            DeValue::Datetime(datetime) => datetime.to_string(),
            _ => value(date)?,
        },
        None => return Err(members.missing("as_of").hint("the day of the report, such as 2024-05-22")),
    };
    let report = cleartitle_schema::statement::Report {
        what: members.required("what")?,
        reported_by: members.required("reported_by")?,
        as_of,
        url: members.optional("url")?,
    };
    members.finish()?;
    Ok(report)
}

fn sighting(top: &mut Members<'_>) -> Result<Sighting, Complaint> {
    let mut sighting: Sighting = top.required("sighting")?;
    for signal in &mut sighting.signals {
        signal.uses.sort();
        signal.uses.dedup();
    }
    sighting.sources = sorted(sighting.sources);
    sighting.signals = sorted(sighting.signals);
    Ok(sighting)
}

fn terms(mut members: Members<'_>, usual: Preference) -> Result<Terms, Complaint> {
    let mut clauses = members.list("clauses", |written| {
        let mut inner = Members::of(written)?;
        let rules = inner.list("rules", |written| rule(written, usual))?;
        inner.finish()?;
        Ok(Clause { rules })
    })?;
    let rules = members.list("rules", |written| rule(written, usual))?;
    if !rules.is_empty() {
        clauses.push(Clause { rules });
    }
    let licenses = members.list("licenses", |written| {
        let span = written.span();
        let expression: String = value(written)?;
        check_expression(&expression).map_err(|error| Complaint::new(span, error.to_string()))?;
        Ok(expression)
    })?;
    let terms = Terms {
        clauses,
        licenses,
        third_party_material: members.optional("third_party_material")?.unwrap_or_default(),
        any_copy: members.optional("any_copy")?.unwrap_or_default(),
        sublicensable: members.optional("sublicensable")?.unwrap_or_default(),
        irrevocable: members.optional("irrevocable")?.unwrap_or_default(),
        post_term: members.optional("post_term")?,
        covenants: members.list("covenants", value)?,
    };
    members.finish()?;
    Ok(terms.sorted())
}

fn rule(written: Value<'_>, usual: Preference) -> Result<Rule, Complaint> {
    let mut members = Members::of(written)?;
    let preference = members.optional("preference")?.unwrap_or(usual);
    let mut uses = Vec::new();
    let named = members.list("uses", |written| {
        let span = written.span();
        let text: String = value(written)?;
        Use::expand(&text).map_err(|error| use_complaint(span, &text, &error.to_string()))
    })?;
    named.into_iter().for_each(|set| uses.extend(set));
    if uses.is_empty() {
        return Err(Complaint::new(members.span(), "the rule names no use").hint("uses = [\"train-ai\"]"));
    }
    let constraints = members.take("constraints").map(constraints).transpose()?.unwrap_or_default();
    let duties = members.list("duties", duty)?;
    members.finish()?;
    Ok(Rule { preference, uses: sorted(uses), constraints, duties: sorted(duties) })
}

fn use_complaint(span: Range<usize>, text: &str, message: &str) -> Complaint {
    let mut known: Vec<&str> = Use::ALL.iter().map(|atom| atom.word()).collect();
    known.extend(["all", "tdm", "ai-all"]);
    let complaint = Complaint::new(span, message);
    match toml_file::closest(text, &known) {
        Some(near) => complaint.hint(format!("did you mean `{near}`?")),
        None => complaint.hint("besides single uses there are the sets `all`, `tdm` and `ai-all`"),
    }
}

fn constraints(written: Value<'_>) -> Result<Constraints, Complaint> {
    let mut members = Members::of(written)?;
    let territories = members.take("territories").map(|list| toml_file::list(list, territory)).transpose()?;
    let constraints = Constraints {
        licensees: members.take("licensees").map(|list| toml_file::list(list, party)).transpose()?,
        asker_classes: members.optional("asker_classes")?,
        territories,
        channels: members.optional("channels")?,
        accesses: members.optional("accesses")?,
        published: members.optional("published")?,
        used: members.optional("used")?,
        models: members.optional("models")?,
    };
    members.finish()?;
    Ok(constraints)
}

fn territory(written: Value<'_>) -> Result<String, Complaint> {
    let span = written.span();
    let code: String = value(written)?;
    if code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Ok(code);
    }
    Err(Complaint::new(span, format!("`{}` is not an ISO 3166-1 alpha-2 code", short(&code)))
        .hint("two upper-case letters, such as DE"))
}

/// A duty: flat, its own members beside `duty` and `phase`; or with its action apart, as JSON has it.
fn duty(written: Value<'_>) -> Result<Duty, Complaint> {
    let mut members = Members::of(written)?;
    let Some(apart) = members.take("action") else { return flat_duty(members) };
    let phase: Phase = members.required("phase")?;
    members.finish()?;
    Ok(Duty { phase, action: flat_duty(Members::of(apart)?)?.action })
}

fn flat_duty(mut members: Members<'_>) -> Result<Duty, Complaint> {
    let span = members.span();
    let Some(named) = members.take("duty") else {
        return Err(members.missing("duty").hint("such as duty = \"pay\" or duty = \"attribute\""));
    };
    let named_span = named.span();
    let name: String = value(named)?;
    let (usual, action) = match name.as_str() {
        "pay" => (Phase::Before, pay(&mut members)?),
        "attribute" => {
            let action = Action::Attribute { text: members.optional("text")?, url: members.optional("url")? };
            (Phase::During, action)
        }
        "share-alike" => (Phase::After, Action::ShareAlike { license: members.required("license")? }),
        "display-delay" => (Phase::During, Action::DisplayDelay { seconds: members.required("seconds")? }),
        "output-cap" => {
            let (words, percent) = (members.optional("words")?, members.optional("percent")?);
            if words.is_none() && percent.is_none() {
                return Err(Complaint::new(span, "an output cap needs `words` or `percent`"));
            }
            (Phase::During, Action::OutputCap { words, percent })
        }
        "report" => {
            let to = members.take("to").map(party).transpose()?;
            (Phase::After, Action::Report { every_days: members.required("every_days")?, to })
        }
        "delete" => {
            let artefacts = sorted(members.list("artefacts", value)?);
            (Phase::After, Action::Delete { artefacts, within_days: members.required("within_days")? })
        }
        "pass-on" => (Phase::After, Action::PassOn {}),
        "obtain-license" => (Phase::Before, Action::ObtainLicense { from: members.optional("from")? }),
        other => {
            let complaint = Complaint::new(named_span, format!("`{}` is not a duty", short(other)));
            return Err(complaint.hint(format!("one of {}", Action::WORDS.join(", "))));
        }
    };
    let phase = members.optional("phase")?.unwrap_or(usual);
    members.finish()?;
    Ok(Duty { phase, action })
}

fn pay(members: &mut Members<'_>) -> Result<Action, Complaint> {
    let written = members.take("price").ok_or_else(|| {
        members.missing("price").hint("price = \"0.01 EUR\" with per = \"document\", or price = \"undisclosed\"")
    })?;
    if written.get_ref().is_table() {
        let price = full_price(written)?;
        return Ok(Action::Pay { price, payee: members.take("payee").map(party).transpose()? });
    }
    let rate = if written.get_ref().as_str() == Some("undisclosed") {
        let (at_least, at_most) = (members.take("at_least"), members.take("at_most"));
        Rate::Undisclosed { at_least: at_least.map(amount).transpose()?, at_most: at_most.map(amount).transpose()? }
    } else {
        Rate::Stated { price: amount(written)? }
    };
    let Some(per) = members.take("per") else {
        return Err(members
            .missing("per")
            .hint("what the price is counted by: per = \"document\", per = \"flat\" ..."));
    };
    let price = Price {
        rate,
        meter: meter(per)?,
        cap: members.take("cap").map(amount).transpose()?,
        minimum: members.take("minimum").map(amount).transpose()?,
        prorated: members.optional("prorated")?.unwrap_or(false),
        tariff: members.take("tariff").map(value).transpose()?,
    };
    Ok(Action::Pay { price, payee: members.take("payee").map(party).transpose()? })
}

/// The price as JSON has it.
fn full_price(written: Value<'_>) -> Result<Price, Complaint> {
    let mut members = Members::of(written)?;
    let price = Price {
        rate: members.required("rate")?,
        meter: meter(members.take("meter").ok_or_else(|| members.missing("meter"))?)?,
        cap: members.take("cap").map(amount).transpose()?,
        minimum: members.take("minimum").map(amount).transpose()?,
        prorated: members.optional("prorated")?.unwrap_or(false),
        tariff: members.take("tariff").map(value).transpose()?,
    };
    members.finish()?;
    Ok(price)
}

/// A meter by its word alone, or in full where it has members.
fn meter(written: Value<'_>) -> Result<Meter, Complaint> {
    let span = written.span();
    let Some(text) = written.get_ref().as_str() else { return value(written) };
    Ok(match text {
        "flat" => Meter::Flat { period: None },
        "document" => Meter::Document {},
        "title" => Meter::Title {},
        "image" => Meter::Image {},
        "fetch" => Meter::Fetch {},
        "hour" => Meter::Hour {},
        "thousand-tokens" | "revenue-share" | "in-kind" => {
            let example = match text {
                "thousand-tokens" => "per = { per = \"thousand-tokens\", tokenizer = \"o200k\", every_epoch = false }",
                "revenue-share" => "per = { per = \"revenue-share\", percent = \"50\" }",
                _ => "per = { per = \"in-kind\", what = \"API credits\" }",
            };
            return Err(Complaint::new(span, format!("`{text}` has members of its own")).hint(example));
        }
        other => {
            return Err(Complaint::new(span, format!("`{}` is not a meter", short(other)))
                .hint("one of flat, document, title, image, fetch, hour, thousand-tokens, revenue-share, in-kind"));
        }
    })
}

#[cfg(test)]
#[path = "terms_file_tests.rs"]
mod tests;

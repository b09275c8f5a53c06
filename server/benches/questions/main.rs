//! Questions at speed, side by side with what HTTP and parsing alone cost: one registry of many rules, served over loopback, its
//! clients on the same cores.
//!
//! `cargo bench -p cleartitle-server --bench questions` makes a registry of 10,000,000 rules on 5,000,000 hosts (statements of 400
//! rules, signed and committed to its log, which the server compiles itself; some three gigabytes of the temporary folder) and prints:
//! lookups alone, in process; rows a second of NDJSON and Arrow streams beside echoes that parse and answer the same bytes; GETs
//! beside an axum hello, with their percentiles; and after how long a new statement is heard. `--folder DIR` keeps the registry for
//! the next run, `--rules N`, `--hosts N` and `--rows N` size it. Without `--bench` (as `cargo test` runs it) it is small, and only
//! checks that every answer is there and is the right one.

mod client;
mod echo;
mod made;

use arrow_array::{Array as _, ArrayRef, RecordBatch, StringArray};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use clap::Parser as _;
use cleartitle_schema::api::{ARROW, DecisionRequest, NDJSON};
use cleartitle_server::app::App;
use cleartitle_server::clearance::{AsOf, Asking, ClearanceError, State, Told};
use cleartitle_server::cli::logs;
use cleartitle_server::domains::{self, Domains};
use cleartitle_server::jobs;
use cleartitle_server::limits::{self, Limits};
use cleartitle_server::log::now;
use cleartitle_server::router::router;
use cleartitle_server::routes::health;
use cleartitle_server::serve::Server;
use made::Size;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many questions are looked up together.
const TOGETHER: usize = 256;
/// Rows of one batch of a table.
const BATCH: usize = 16_384;
const ROUNDS: usize = 3;
/// After so many questions their kinds come again.
const KINDS: usize = 4;
/// Connections that ask one question after the other.
const CONNECTIONS: usize = 4;

/// Limits that stop nobody.
#[derive(clap::Parser)]
struct Flags {
    #[command(flatten)]
    limits: limits::Flags,
    #[command(flatten)]
    domains: domains::Flags,
}

/// Everything that is asked.
struct Asked {
    size: Size,
    urls: Vec<String>,
    lines: Vec<u8>,
    table: Vec<u8>,
    time: Duration,
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_unstable_by(f64::total_cmp);
    all[all.len() / 2]
}

fn question(url: &str) -> String {
    json!({"url": url, "use": "train-ai"}).to_string()
}

fn table(urls: &[String]) -> Vec<u8> {
    let batch = |urls: &[String]| {
        let column: ArrayRef = Arc::new(StringArray::from_iter_values(urls));
        RecordBatch::try_from_iter([("url", column)]).expect("a batch")
    };
    let mut writer = StreamWriter::try_new(Vec::new(), &batch(&urls[..1]).schema()).expect("a writer");
    urls.chunks(BATCH).for_each(|urls| writer.write(&batch(urls)).expect("a batch"));
    writer.into_inner().expect("bytes")
}

/// A question's way in process, in nanoseconds on this thread, the median of some rounds: its keys, its candidates, its ruling; and all of
/// it, with what it held given back.
fn parts(state: &State, urls: &[String]) -> [f64; 4] {
    let mut told: [Vec<f64>; 4] = Default::default();
    for _ in 0..ROUNDS {
        let mut took = [Duration::ZERO; 4];
        for urls in urls.chunks(TOGETHER) {
            let requests: Vec<DecisionRequest> =
                urls.iter().map(|url| serde_json::from_str(&question(url)).expect("a request")).collect();
            let known = state.known(&Asking::of(&requests[0])).expect("a short way of asking");
            let (begun, now) = (Instant::now(), now());
            let asked: Vec<_> = urls.iter().filter_map(|url| state.fetched(url, &known, now)).collect();
            let keyed = Instant::now();
            let found = state.find(&asked).expect("no damage");
            let looked = Instant::now();
            let request = |place: usize| Ok::<_, ClearanceError>(DecisionRequest::clone(&requests[place]));
            state.ruled_each(&asked, &found, Told::Lines, request, |ruled| {
                std::hint::black_box(ruled.expect("a ruling"));
                true
            });
            let ruled = Instant::now();
            drop((asked, found, known));
            let ends = [keyed - begun, looked - keyed, ruled - looked, begun.elapsed()];
            took.iter_mut().zip(ends).for_each(|(sum, part)| *sum += part);
        }
        told.iter_mut().zip(took).for_each(|(told, took)| told.push(took.as_nanos() as f64 / urls.len() as f64));
    }
    told.map(median)
}

/// Asks the stream of lines and the table once, and holds every answer against what it has to be.
fn checked(ours: SocketAddr, asked: &Asked) -> echo::Answers {
    let covered = |at: usize| at % 4 < 2;
    let reader = |bytes: &[u8]| {
        let head = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
        dechunked(&bytes[head + 4..])
    };
    let some = &asked.urls[..asked.urls.len().min(2 * BATCH)];
    let lines: String = some.iter().map(|url| question(url) + "\n").collect();
    let told = reader(&whole(ours, "/v1/decisions", NDJSON, lines.as_bytes()));
    let rows: Vec<Value> =
        told.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    assert_eq!(rows.len(), some.len() + 2);
    assert_eq!(rows.last().expect("an end")["rows"], json!(some.len()));
    for (at, row) in rows[1..=some.len()].iter().enumerate() {
        assert_eq!(row["verdict"], if covered(at) { "reserved" } else { "unknown" }, "{}: {row}", some[at]);
    }
    let told = reader(&whole(ours, "/v1/decisions?use=train-ai", ARROW, &table(some)));
    let batches: Vec<RecordBatch> =
        StreamReader::try_new(told.as_slice(), None).expect("a table").map(|batch| batch.expect("a batch")).collect();
    let texts = |batch: &RecordBatch| -> Vec<String> {
        let column = batch.column(0).as_any().downcast_ref::<StringArray>().expect("texts").clone();
        column.iter().map(|text| text.unwrap_or_default().to_owned()).collect()
    };
    let verdicts: Vec<String> = batches.iter().flat_map(texts).collect();
    assert_eq!(verdicts.len(), some.len());
    let right = |(at, verdict): (usize, &String)| verdict == if covered(at) { "reserved" } else { "unknown" };
    assert!(verdicts.iter().enumerate().all(right), "a table is answered as lines are");
    let lines = rows[1..=KINDS].iter().map(told_line).collect();
    echo::Answers { lines, batch: batches.first().expect("a batch").slice(0, KINDS) }
}

fn told_line(row: &Value) -> Vec<u8> {
    let mut line = serde_json::to_vec(row).expect("JSON");
    line.push(b'\n');
    line
}

fn whole(address: SocketAddr, path: &str, media_type: &str, body: &[u8]) -> Vec<u8> {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(address).expect("a connection");
    let mut writing = stream.try_clone().expect("a socket");
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: {media_type}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut told = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(move || writing.write_all(head.as_bytes()).and_then(|()| writing.write_all(body)).expect("sent"));
        stream.read_to_end(&mut told).expect("an answer");
    });
    told
}

/// A body without its chunks' marks.
fn dechunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") {
        let size = std::str::from_utf8(&bytes[..end]).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
        let Some(size) = size.filter(|size| *size > 0) else { return body };
        body.extend_from_slice(&bytes[end + 2..end + 2 + size]);
        bytes = &bytes[end + 4 + size..];
    }
    panic!("the body has no end")
}

/// Nanoseconds a row of two streams, each in turn.
fn streams(what: &str, asked: &Asked, contenders: [(SocketAddr, &str); 2], media_type: &str, body: &[u8]) -> [f64; 2] {
    let mut told: [Vec<f64>; 2] = Default::default();
    for round in 0..ROUNDS {
        for (contender, told) in contenders.iter().zip(&mut told) {
            let answer = client::post(contender.0, contender.1, media_type, body);
            assert!(answer.begin.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer.begin));
            assert!(answer.end.ends_with(b"0\r\n\r\n"), "{what}: round {round} broke off");
            assert!(media_type == ARROW || answer.lines >= asked.urls.len(), "{what}: {} lines", answer.lines);
            told.push(answer.took.as_nanos() as f64 / asked.urls.len() as f64);
        }
    }
    told.map(median)
}

fn tell(what: &str, [echo, ours]: [f64; 2], [.., looked_up]: [f64; 4]) {
    let rate = |nanoseconds: f64| 1e3 / nanoseconds;
    println!(
        "{what}: ours {:.2} million rows/s ({ours:.0} ns), echo {:.2} ({echo:.0} ns), in process {looked_up:.0} ns: ours is {:.2} of 1 / (echo + \
         in process)",
        rate(ours),
        rate(echo),
        (echo + looked_up) / ours,
    );
}

fn single(asked: &Asked, echoes: SocketAddr, ours: SocketAddr) {
    let hello = [client::get("/")];
    let requests: Vec<Vec<u8>> = asked.urls.iter().take(10_000).map(|url| client::get(&path_of(url))).collect();
    let mut told: [Vec<f64>; 2] = Default::default();
    let (mut all, mut of_hello) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (rate, took) = client::gets(echoes, CONNECTIONS, asked.time, &hello);
        told[0].push(rate);
        of_hello.extend(took);
        let (rate, took) = client::gets(ours, CONNECTIONS, asked.time, &requests);
        told[1].push(rate);
        all.extend(took);
    }
    let at = |all: &mut Vec<Duration>, part: f64| {
        all.sort_unstable();
        all[((all.len() - 1) as f64 * part) as usize]
    };
    let [hello, ours] = told.map(median);
    println!(
        "GET on {CONNECTIONS} connections: ours {ours:.0}/s, hello {hello:.0}/s, ratio {:.2}; ours p50 {:?}, p99 {:?}, p99.9 {:?}; hello p99 {:?}",
        ours / hello,
        at(&mut all, 0.5),
        at(&mut all, 0.99),
        at(&mut all, 0.999),
        at(&mut of_hello, 0.99),
    );
}

fn path_of(url: &str) -> String {
    format!("/v1/decisions?use=train-ai&url={url}")
}

/// After how long a statement that was acknowledged is heard: the time until an answer shows it.
fn heard(ours: SocketAddr, rounds: usize) -> Vec<Duration> {
    let mut asking = client::Asking::open(ours);
    let mut one = |round: usize| {
        let host = format!("fresh-{round}-{}.press.example", std::process::id());
        let body = made::reservation(vec![json!({"target": "host", "host": host})]);
        let (envelope, ..) = made::signed(&body, "fresh");
        let body = String::from_utf8(envelope.to_bytes()).expect("JSON");
        let head = format!(
            "POST /v1/statements HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let told = asking.ask(format!("{head}{body}").as_bytes());
        assert!(told.starts_with(b"HTTP/1.1 201"), "{}", String::from_utf8_lossy(told));
        let begun = Instant::now();
        let request = client::get(&path_of(&format!("https://{host}/")));
        while !String::from_utf8_lossy(asking.ask(&request)).contains("rights-reserved") {
            assert!(begun.elapsed() < Duration::from_secs(1), "a statement is heard within a second");
        }
        begun.elapsed()
    };
    let mut took: Vec<Duration> = (0..rounds).map(&mut one).collect();
    took.sort_unstable();
    took
}

fn serve(runtime: &tokio::runtime::Runtime, serving: impl FnOnce(tokio::net::TcpListener)) -> SocketAddr {
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
    let address = listener.local_addr().expect("an address");
    serving(listener);
    address
}

fn machine() {
    let told = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = told.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!(
        "machine: {}, {cores} cores, load {}",
        model.trim_start_matches([':', '\t', ' ']),
        load.split(' ').next().unwrap_or_default()
    );
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let value = |flag: &str| words.iter().position(|word| word == flag).and_then(|at| words.get(at + 1));
    let number = |flag: &str, usual: u64| value(flag).map_or(usual, |value| value.parse().expect("a number"));
    let measured = words.iter().any(|word| word == "--bench");
    let usual = if measured { (10_000_000, 5_000_000, 1_000_000) } else { (8_000, 4_000, 3_000) };
    let size = Size { rules: number("--rules", usual.0), hosts: number("--hosts", usual.1) };
    let rows = number("--rows", usual.2);
    let made = tempfile::tempdir().expect("a folder");
    let folder = value("--folder").map_or_else(|| made.path().join("registry"), PathBuf::from);
    machine();
    // As `serve` begins: what is counted and told costs a question too.
    logs::begin().expect("a filter");
    health::count();
    let registry = made::registry(&folder, size);

    let flags = ["bench", "--rate-address", "1000000/1000000", "--rate-key", "1000000/1000000"];
    let Flags { limits, domains } = Flags::parse_from(flags);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let domains = runtime.block_on(async { Domains::new(domains) }).expect("domains");
    let limits: Arc<Limits> = Arc::new(limits.into());
    let app = App::start(registry, domains, Arc::clone(&limits)).expect("an app");
    let begun = Instant::now();
    let mut state = app.clearance.at(AsOf::Latest).expect("a state");
    while state.uncompiled() >= 64 {
        std::thread::sleep(Duration::from_millis(100));
        state = app.clearance.at(AsOf::Latest).expect("a state");
    }
    println!(
        "{} rules of {} hosts, {} leaves; ready to answer after {:.0?}",
        size.rules,
        size.hosts,
        state.size,
        begun.elapsed()
    );
    runtime.spawn(jobs::news::run(Arc::clone(&app)));
    runtime.spawn(jobs::measure::run(Arc::clone(&app)));
    let server = Server::new(router(Arc::clone(&app)), limits, None);
    let ours = serve(&runtime, |listener| _ = runtime.spawn(server.serve(listener, std::future::pending())));

    let urls: Vec<String> = (0..rows).map(|at| made::url(size, at)).collect();
    let lines: String = urls.iter().map(|url| question(url) + "\n").collect();
    let time = if measured { Duration::from_secs(3) } else { Duration::from_millis(100) };
    let asked = Asked { size, table: table(&urls), lines: lines.into_bytes(), urls, time };
    let answers = checked(ours, &asked);
    let echoes = serve(&runtime, |listener| {
        _ = runtime.spawn(async move { axum::serve(listener, echo::router(answers)).await });
    });
    let cold = client::post(ours, "/v1/decisions", NDJSON, &asked.lines);
    println!(
        "NDJSON, the first time (each statement read and each ruling made): {:.2} million rows/s",
        rows as f64 / cold.took.as_secs_f64() / 1e6
    );
    // All of them: fewer lie nearer to the core than those of a stream do.
    let parts = parts(&state, &asked.urls);
    println!(
        "in process, {TOGETHER} together, a question: keys {:.0} ns, candidates {:.0} ns, ruling {:.0} ns, all of it {:.0} ns",
        parts[0], parts[1], parts[2], parts[3]
    );
    drop(state);
    let lines = streams("NDJSON", &asked, [(echoes, "/lines"), (ours, "/v1/decisions")], NDJSON, &asked.lines);
    tell("NDJSON", lines, parts);
    let tables =
        streams("Arrow", &asked, [(echoes, "/table"), (ours, "/v1/decisions?use=train-ai")], ARROW, &asked.table);
    tell("Arrow", tables, parts);
    single(&asked, echoes, ours);
    let took = heard(ours, if measured { 50 } else { 3 });
    println!(
        "a new statement is heard {:?} after its acknowledgement at the median, {:?} at most",
        took[took.len() / 2],
        took[took.len() - 1]
    );
    let Size { rules, .. } = asked.size;
    println!("{rules} rules, {rows} questions: every answer was there");
    runtime.shutdown_background();
}

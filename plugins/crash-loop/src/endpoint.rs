//! Which host and port a line of a log is about.

/// A place that a program could not reach.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Endpoint {
    /// A name or an IPv4 address.
    pub(crate) host: String,
    /// The port, where the line names one.
    pub(crate) port: Option<u16>,
}

/// Words after which a host's name stands.
const BEFORE_HOST: [&str; 17] = [
    "lookup",
    "host",
    "hostname",
    "address",
    "enotfound",
    "eai_again",
    "resolve",
    "find",
    "to",
    "at",
    "on",
    "connecting",
    "unknownhostexception",
    "for",
    "reach",
    "server",
    "name",
];
/// Words that stand there and are no host.
const NO_HOST: [&str; 32] = [
    "the", "a", "an", "host", "hostname", "server", "database", "db_host", "upstream", "tcp", "udp", "name", "be",
    "any", "unix", "connect", "is", "service", "port", "remote", "socket", "at", "on", "to", "address", "it", "all",
    "start", "line", "or", "can", "cannot",
];
/// Endings of source files, which loggers print as `main.go:42`.
const SOURCES: [&str; 10] = [".go", ".py", ".js", ".rs", ".java", ".rb", ".c", ".cpp", ".ts", ".php"];

/// The place that a line names; none for the program's own address.
pub(crate) fn find(line: &str) -> Option<Endpoint> {
    if let Some(found) = in_url(line) {
        return elsewhere(found);
    }
    let words: Vec<&str> = line
        .split(|c: char| c.is_whitespace() || "\"'`()[]{}<>,;=|*".contains(c))
        .map(|w| w.trim_end_matches(['.', ':', '!', '?']))
        .filter(|w| !w.is_empty())
        .collect();
    let port_word = words
        .iter()
        .position(|w| w.eq_ignore_ascii_case("port"))
        .and_then(|at| words.get(at + 1)?.parse().ok());
    let mut named = None;
    let mut address = None;
    let mut paired = None;
    for (at, word) in words.iter().enumerate() {
        let before = at
            .checked_sub(1)
            .map_or(String::new(), |i| words[i].trim_end_matches(':').to_ascii_lowercase());
        let before = before.rsplit('.').next().unwrap_or("");
        if let Some(pair) = pair(word) {
            // `lookup db on 10.96.0.10:53`: the resolver is not the place
            if !(before == "on" && pair.port == Some(53)) && paired.is_none() {
                paired = Some(pair);
            }
        } else if is_address(word) {
            address = address.or(Some((*word).to_owned()));
        } else if BEFORE_HOST.contains(&before) && is_name(word) && (named.is_none() || before == "lookup") {
            named = Some((*word).to_owned());
        }
    }
    // a line about a look-up may name the place with its port as well
    let same = matches!((&paired, &named), (Some(pair), Some(name)) if pair.host == *name);
    let looked_up = line.contains("lookup ") && !same;
    let found = match (paired, named, address) {
        (Some(pair), None, _) => pair,
        (Some(pair), Some(_), _) if !looked_up => pair,
        (_, Some(host), _) | (None, None, Some(host)) => Endpoint { host, port: port_word },
        (None, None, None) => return None,
    };
    elsewhere(found)
}

fn elsewhere(mut found: Endpoint) -> Option<Endpoint> {
    found.host = found.host.trim_end_matches('.').to_ascii_lowercase();
    let own = ["localhost", "127.0.0.1", "0.0.0.0", "::1"].contains(&found.host.as_str());
    (!own).then_some(found)
}

fn in_url(line: &str) -> Option<Endpoint> {
    let (scheme, rest) = line.split_once("://")?;
    let scheme = scheme.rsplit(|c: char| !c.is_ascii_alphanumeric()).next()?;
    let end = rest.find(|c: char| "/?#\"'` ,;)>".contains(c)).unwrap_or(rest.len());
    let place = rest[..end].rsplit('@').next()?.trim_end_matches([':', '.']);
    let known = match scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        _ => None,
    };
    let (host, port) = match place.split_once(':') {
        Some((host, port)) => (host, port.parse().ok()),
        None => (place, known),
    };
    (is_name(host) || is_address(host)).then(|| Endpoint {
        host: host.into(),
        port,
    })
}

/// `db:5432`, but no time of day, no file with a line number.
fn pair(word: &str) -> Option<Endpoint> {
    let (host, port) = word.split_once(':')?;
    let port: u16 = port.parse().ok()?;
    let plain = is_address(host) || (is_name(host) && host.contains(|c: char| c.is_ascii_alphabetic()));
    (plain && port > 0 && !SOURCES.iter().any(|s| host.ends_with(s))).then(|| Endpoint {
        host: host.into(),
        port: Some(port),
    })
}

fn is_address(word: &str) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    parts.len() == 4 && parts.iter().all(|p| p.parse::<u8>().is_ok())
}

fn is_name(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    word.len() > 1
        && !NO_HOST.contains(&lower.as_str())
        && word.starts_with(|c: char| c.is_ascii_alphabetic())
        && word.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c))
        // names of Services are lower-case; words of a sentence may not be
        && (lower == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_in_what_programs_write() {
        let at = |line| find(line).map(|e| (e.host, e.port.unwrap_or(0)));
        let own = |host: &str, port| Some((host.to_owned(), port));
        for (line, host, port) in [
            (
                "cannot reach db:5432: dial tcp: lookup db on 10.96.0.10:53: no such host",
                "db",
                5432,
            ),
            (
                "dial tcp 10.96.3.4:5432: connect: connection refused",
                "10.96.3.4",
                5432,
            ),
            (
                "main.go:42: dial tcp: lookup db on 10.96.0.10:53: no such host",
                "db",
                0,
            ),
            (
                "dial tcp: lookup db.shop.svc.cluster.local: no such host",
                "db.shop.svc.cluster.local",
                0,
            ),
            ("Error: getaddrinfo ENOTFOUND db", "db", 0),
            ("Error: connect ECONNREFUSED 10.0.0.1:5432", "10.0.0.1", 5432),
            (
                "could not translate host name \"db\" to address: Name or service not known",
                "db",
                0,
            ),
            (
                "connection to server at \"db\" (10.0.0.1), port 5432 failed: Connection refused",
                "db",
                5432,
            ),
            ("Can't connect to MySQL server on 'db:3306' (111)", "db", 3306),
            ("nc: bad address 'db'", "db", 0),
            (
                "wget: can't connect to remote host (10.0.0.1): Connection refused",
                "10.0.0.1",
                0,
            ),
            ("curl: (6) Could not resolve host: db", "db", 0),
            (
                "curl: (7) Failed to connect to db port 80 after 1 ms: Connection refused",
                "db",
                80,
            ),
            ("Error 111 connecting to redis:6379. Connection refused.", "redis", 6379),
            ("java.net.UnknownHostException: db", "db", 0),
            ("** server can't find db: NXDOMAIN", "db", 0),
            (
                "2025/11/24 10:19:00 GET http://api:8080/health: connection refused",
                "api",
                8080,
            ),
            (
                "postgres://user:‹secret:1a2b3c4d›@db:5432/shop: connection refused",
                "db",
                5432,
            ),
        ] {
            assert_eq!(at(line), own(host, port), "{line}");
        }
        assert_eq!(at("connect to 127.0.0.1:8080: connection refused"), None);
        assert_eq!(at("10:19:00 connection refused"), None);
    }
}

//! The figures of the server in Prometheus' text format 0.0.4. Serving them is `http`'s, counting the
//! node's.

use std::collections::BTreeSet;
use std::fmt::Write;

/// The media type of [`text`].
pub(crate) const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What one worker has to show at one moment. A name is in words, as `ruf status` shows it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures {
    /// Seconds since it started.
    pub(crate) uptime_secs: u64,
    /// Whether it takes no new call.
    pub(crate) is_draining: bool,
    /// What goes up and down.
    pub(crate) gauges: Vec<(&'static str, u64)>,
    /// What only grows.
    pub(crate) counters: Vec<(&'static str, u64)>,
}

/// The page: every figure of every worker, by the worker's number.
pub(crate) fn text(workers: &[Figures]) -> String {
    let mut page = String::new();
    let version = env!("CARGO_PKG_VERSION");
    family(&mut page, "ruf_build_info", "gauge", "the version that runs");
    // Writing to a String cannot fail.
    let _ = writeln!(page, "ruf_build_info{{version=\"{version}\"}} 1");
    let uptime: Vec<u64> = workers.iter().map(|worker| worker.uptime_secs).collect();
    samples(&mut page, "ruf_uptime_seconds", "gauge", "seconds since the start", &uptime);
    let draining: Vec<u64> = workers.iter().map(|worker| u64::from(worker.is_draining)).collect();
    samples(&mut page, "ruf_draining", "gauge", "whether no new call is taken", &draining);
    for name in names(workers, |worker| &worker.gauges) {
        let values = values(workers, |worker| &worker.gauges, name);
        samples(&mut page, &metric(name), "gauge", name, &values);
    }
    for name in names(workers, |worker| &worker.counters) {
        let values = values(workers, |worker| &worker.counters, name);
        samples(&mut page, &format!("{}_total", metric(name)), "counter", name, &values);
    }
    page
}

fn names(
    workers: &[Figures],
    figures: impl Fn(&Figures) -> &Vec<(&'static str, u64)>,
) -> BTreeSet<&'static str> {
    workers.iter().flat_map(|worker| figures(worker).iter().map(|(name, _)| *name)).collect()
}

fn values(
    workers: &[Figures],
    figures: impl Fn(&Figures) -> &Vec<(&'static str, u64)>,
    wanted: &str,
) -> Vec<u64> {
    let of = |worker| figures(worker).iter().find(|(name, _)| *name == wanted).map_or(0, |(_, value)| *value);
    workers.iter().map(of).collect()
}

/// `calls attempted` is `ruf_calls_attempted`.
fn metric(name: &str) -> String {
    let word = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    format!("ruf_{}", name.chars().map(word).collect::<String>())
}

fn samples(page: &mut String, metric: &str, kind: &str, help: &str, values: &[u64]) {
    family(page, metric, kind, help);
    for (worker, value) in values.iter().enumerate() {
        let _ = writeln!(page, "{metric}{{worker=\"{worker}\"}} {value}");
    }
}

fn family(page: &mut String, metric: &str, kind: &str, help: &str) {
    let _ = writeln!(page, "# HELP {metric} {help}\n# TYPE {metric} {kind}");
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// Reads a page as a scraper does: by metric and labels. Panics on what is not the format.
    pub(crate) fn read(page: &str) -> BTreeMap<String, u64> {
        let is_name = |name: &str| {
            !name.is_empty()
                && name.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'_')
                && !name.starts_with(|c: char| c.is_ascii_digit())
        };
        let mut kinds: BTreeMap<&str, &str> = BTreeMap::new();
        let mut samples = BTreeMap::new();
        assert!(page.ends_with('\n'));
        for line in page.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                assert!(help.split_once(' ').is_some_and(|(name, text)| is_name(name) && !text.is_empty()));
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').expect("a kind");
                assert!(matches!(kind, "counter" | "gauge"), "{line}");
                assert!(kinds.insert(name, kind).is_none(), "{name} comes twice");
            } else {
                let (sample, value) = line.rsplit_once(' ').expect("a value");
                let (name, labels) = sample.split_once('{').expect("labels");
                let kind = kinds.get(name).unwrap_or_else(|| panic!("{name} has no TYPE before it"));
                assert_eq!(*kind == "counter", name.ends_with("_total"), "{name} is a {kind}");
                for label in labels.strip_suffix('}').expect("labels end").split(',') {
                    let (label, text) = label.split_once('=').expect("a label");
                    assert!(is_name(label) && text.starts_with('"') && text.ends_with('"'), "{line}");
                }
                assert!(samples.insert(sample.to_owned(), value.parse().expect("a number")).is_none());
            }
        }
        samples
    }

    #[test]
    fn every_figure_of_every_worker_is_on_the_page() {
        let worker = |bindings| Figures {
            uptime_secs: 7,
            is_draining: false,
            gauges: vec![("bindings", bindings), ("requests in the proxy", 2)],
            counters: vec![("calls attempted", 3)],
        };
        let read = read(&text(&[worker(1), worker(5)]));
        assert_eq!(read["ruf_bindings{worker=\"0\"}"], 1);
        assert_eq!(read["ruf_bindings{worker=\"1\"}"], 5);
        assert_eq!(read["ruf_requests_in_the_proxy{worker=\"1\"}"], 2);
        assert_eq!(read["ruf_calls_attempted_total{worker=\"0\"}"], 3);
        assert_eq!(read["ruf_uptime_seconds{worker=\"0\"}"], 7);
        assert!(read.keys().any(|name| name.starts_with("ruf_build_info{version=")));
    }
}

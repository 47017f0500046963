//! A real Chromium, where one is installed: what pages do, and what they cannot.

use std::{io::ErrorKind, net::TcpListener, sync::Mutex};

use super::*;
use crate::{
    clock::Manual,
    net::testing::{Reply, Server},
};

/// The browser of this machine; `None`, and a word about it, where there is none.
fn chromium() -> Option<Vec<String>> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let found =
        names.iter().find(|name| std::env::split_paths(&path).any(|folder| folder.join(name).is_file()));
    let Some(found) = found else {
        eprintln!("skipped: there is no Chromium on this machine");
        return None;
    };
    let mut command = vec![(*found).to_owned()];
    if rustix::process::getuid().is_root() {
        command.push("--no-sandbox".to_owned());
    }
    Some(command)
}

/// What the site serves, by path.
type Pages = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// One browser, one site at a public address, one listener that nobody may reach.
struct Bench {
    browser: Browser,
    client: Client,
    clock: Arc<Manual>,
    site: Server,
    trap: TcpListener,
    pages: Pages,
}

impl Bench {
    async fn new(change: impl FnOnce(&mut Settings)) -> Option<Self> {
        let mut settings = settings(Which::Command(chromium()?));
        change(&mut settings);
        let pages = Pages::default();
        let known = Arc::clone(&pages);
        let site = Server::new(move |head| {
            let path = head.split(' ').nth(1).unwrap_or_default();
            let pages = known.lock().unwrap();
            let page = pages.iter().find(|(at, _)| at == path).map(|(_, page)| page.clone());
            Reply::Bytes(page.unwrap_or_else(|| answer("404 Not Found", "text/html", "gone")))
        })
        .await;
        let trap = TcpListener::bind("127.0.0.1:0").unwrap();
        let inner = [10, 0, 0, 5].into();
        let hosts = [
            ("tin.example", testing::PUBLIC, site.at),
            ("api.example", testing::PUBLIC, site.at),
            ("inner.example", inner, trap.local_addr().unwrap()),
        ];
        let clock = testing::clock();
        let client = Client::with_hosts(&testing::settings(), clock.clone(), &hosts).unwrap();
        let browser = Browser::new(settings, clock.clone());
        Some(Self { browser, client, clock, site, trap, pages })
    }

    fn put(&self, path: &str, answer: Vec<u8>) {
        self.pages.lock().unwrap().push((path.to_owned(), answer));
    }

    async fn see(&self, path: &str, wait: Option<&str>) -> Shown {
        let ask = ask(&format!("http://tin.example{path}"));
        let seen = self.browser.fetch(&self.client, &ask, wait);
        tokio::time::timeout(Duration::from_secs(120), seen).await.expect("a visit ends")
    }

    async fn see_page(&self, script: &str) -> Shown {
        let path = format!("/page{}", self.pages.lock().unwrap().len());
        self.put(&path, page(&format!("<!DOCTYPE html><h1>Tin</h1><ul></ul>{script}")));
        self.see(&path, None).await
    }

    /// How many have connected to the listener that nobody may reach.
    fn n_trapped(&self) -> usize {
        self.trap.set_nonblocking(true).unwrap();
        let mut n = 0;
        loop {
            match self.trap.accept() {
                Ok(_) => n += 1,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return n,
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn asked(&self) -> Vec<String> {
        let path = |head: &String| head.split(' ').nth(1).unwrap_or_default().to_owned();
        self.site.heads().iter().map(path).collect()
    }
}

#[tokio::test]
async fn a_list_that_scripts_make_is_read() {
    let Some(bench) = Bench::new(|_| {}).await else { return };
    bench.put("/list.json", answer("200 OK", "application/json", r#"["Thông báo","Quyết định"]"#));
    let shown = bench
        .see_page(
            "<img src='/picture.png'><iframe src='/frame'></iframe><script>
            fetch('http://api.example/list.json').then(a => a.json()).then(titles => {
                for (const title of titles) document.querySelector('ul').innerHTML += `<li>${title}</li>`;
                document.title = navigator.userAgent + typeof RTCPeerConnection + ('serviceWorker' in navigator);
            })</script>",
        )
        .await;
    let read = html(&shown);
    assert!(read.contains("<li>Thông báo</li><li>Quyết định</li>"), "{read}");
    assert!(read.starts_with("<!DOCTYPE html>"), "{read}");
    let user_agent = &bench.client.settings().user_agent;
    assert!(read.contains(&format!("<title>{user_agent}undefinedfalse</title>")), "{read}");
    assert_eq!(codes(&shown), [""; 0], "{:?}", shown.issues);
    assert_eq!(bench.asked(), ["/page1", "/list.json"], "no picture, no frame");
    for head in bench.site.heads() {
        assert!(
            head.to_lowercase().contains(&format!("user-agent: {}", user_agent.to_lowercase())),
            "{head}"
        );
    }
    // Portals often declare no encoding.
    let bytes = "<p>ứng dụng</p><script>document.title = 'mới'</script>";
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n", bytes.len());
    bench.put("/undeclared", format!("{head}{bytes}").into());
    let shown = bench.see("/undeclared", None).await;
    let read = html(&shown);
    assert!(read.contains("<title>mới</title>") && read.contains("ứng dụng"), "{read}");
    // What is waited for, though the page has been quiet for long.
    bench.put(
        "/late",
        page("<script>setTimeout(() => document.body.innerHTML = '<p id=x>1</p>', 2500)</script>"),
    );
    let shown = bench.see("/late#top", Some("#x")).await;
    assert!(html(&shown).contains("<p id=\"x\">1</p>"), "{}", html(&shown));
    let shown = bench.see("/late", Some("p..x")).await;
    assert!(problem(&shown).contains("not a valid selector"), "{}", problem(&shown));
}

#[tokio::test]
async fn statuses_mean_what_they_mean_without_a_browser() {
    let Some(bench) = Bench::new(|_| {}).await else { return };
    bench.put("/busy", b"HTTP/1.1 429 No\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n".to_vec());
    bench.put("/json", answer("200 OK", "application/json", "[1]"));
    bench.put("/moved", b"HTTP/1.1 301 No\r\nLocation: /old\r\nContent-Length: 0\r\n\r\n".to_vec());
    bench.put("/old", page("<script>document.title = location.pathname</script>"));
    bench.put("/led", page("<script>location = '/moved'</script>"));
    bench.put("/lost", page("<script>location = '/nowhere'</script>"));
    bench.put("/cookie", page("<script>document.cookie = 'a=1'; location = '/old?1'</script>"));
    bench.put("/old?1", page("<p>behind</p>"));
    assert!(matches!(bench.see("/nowhere", None).await.outcome, Outcome::Gone { status: 404 }));
    let later = bench.see("/busy", None).await.outcome;
    assert!(
        matches!(later, Outcome::Later { after: Some(after), .. } if after == Duration::from_secs(7)),
        "{later:?}"
    );
    bench.clock.advance(Duration::from_secs(7));
    assert_eq!(html(&bench.see("/json", None).await), "[1]", "no page, and no browser");
    let moved = bench.see("/moved", None).await;
    assert!(html(&moved).contains("<title>/old</title>"), "{}", html(&moved));
    let Outcome::Fresh { url, moved, .. } = moved.outcome else { panic!() };
    assert_eq!((url.as_str(), moved.unwrap().as_str()), ("http://tin.example/old", "http://tin.example/old"));
    let led = bench.see("/led", None).await;
    assert!(html(&led).contains("<title>/old</title>"), "{}", html(&led));
    let Outcome::Fresh { url, moved: None, .. } = led.outcome else { panic!("{:?}", led.outcome) };
    assert_eq!(url.as_str(), "http://tin.example/old", "where scripts lead is where its links start");
    assert!(matches!(bench.see("/lost", None).await.outcome, Outcome::Gone { status: 404 }));
    let behind = bench.see("/cookie", None).await;
    assert!(html(&behind).contains("behind"), "{}", html(&behind));
    let last = bench.site.heads().into_iter().last().unwrap();
    assert!(last.contains("cookie: a=1"), "{last}");
}

#[tokio::test]
async fn nothing_private_is_reached_whatever_a_page_asks_with() {
    let Some(bench) = Bench::new(|_| {}).await else { return };
    let at = bench.trap.local_addr().unwrap();
    let port = at.port();
    bench.put("/away", format!("HTTP/1.1 302 Found\r\nLocation: http://{at}/r\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 0\r\n\r\n").into());
    bench.put(
        "/worker.js",
        answer(
            "200 OK",
            "text/javascript",
            &format!("fetch('http://{at}/w'); new WebSocket('ws://{at}/ww')"),
        ),
    );
    let page = "<img src='http://AT/img'><iframe src='http://AT/frame'></iframe>
        <link rel=stylesheet href='http://AT/css'><script src='http://AT/script'></script><object data='http://AT/o'></object>
        <link rel=prefetch href='http://AT/prefetch'><link rel=preconnect href='http://AT/'><link rel=dns-prefetch href='//inner.example'>
        <iframe srcdoc=\"<script>fetch('http://AT/srcdoc')</script>\"></iframe>
        <script>
        for (const host of ['AT', 'localhost:PORT', '[::1]:PORT', '0.0.0.0:PORT', '0x7f.1:PORT', 'inner.example', '169.254.169.254'])
            { fetch(`http://${host}/fetch`).catch(() => 0); navigator.sendBeacon(`http://${host}/beacon`); }
        fetch('/away').catch(() => 0); new EventSource('/away');
        new WebSocket('ws://AT/ws'); new WebSocket('wss://AT/wss');
        new Worker('/worker.js'); new SharedWorker('/worker.js');
        new Worker(URL.createObjectURL(new Blob([`fetch('http://AT/blob')`])));
        window.open('http://AT/open');
        const form = document.createElement('form'); form.action = 'http://AT/form'; form.target = '_blank'; form.method = 'POST';
        document.body.append(form); form.submit();
        const frame = document.createElement('iframe'); document.body.append(frame);
        if (frame.contentWindow.RTCPeerConnection) {
            const peer = new frame.contentWindow.RTCPeerConnection({ iceServers: [{ urls: 'turn:AT?transport=tcp', username: 'a', credential: 'b' }] });
            peer.createDataChannel('x'); peer.createOffer().then(offer => peer.setLocalDescription(offer));
        }
        </script>";
    let shown = bench.see_page(&page.replace("AT", &at.to_string()).replace("PORT", &port.to_string())).await;
    assert!(html(&shown).contains("<h1>Tin</h1>"));
    assert_eq!(bench.n_trapped(), 0);
    assert!(codes(&shown).contains(&"browser-refused"), "{:?}", shown.issues);
    assert!(bench.asked().iter().any(|path| path == "/away"), "it did try: {:?}", bench.asked());
    // Where the page itself leads is asked by us, and refused by us.
    let shown = bench.see_page(&format!("<script>location = 'http://{at}/top'</script>")).await;
    assert!(problem(&shown).contains("is a loopback address, not a public address"), "{}", problem(&shown));
    let shown = bench.see_page("<script>location = '/away'</script>").await;
    assert!(problem(&shown).contains("is a loopback address"), "{}", problem(&shown));
    assert_eq!(bench.n_trapped(), 0);
}

/// A source that may stand at a private address opens that one address, and nothing else of the network.
#[tokio::test]
async fn a_private_source_reaches_its_own_server_only() {
    let Some(bench) = Bench::new(|_| {}).await else { return };
    let (own, other) = (bench.site.at, bench.trap.local_addr().unwrap());
    bench.put("/own.json", answer("200 OK", "application/json", "7"));
    bench.put("/", page(&format!(
        "<p></p><script>fetch('/own.json').then(a => a.text()).then(text => document.querySelector('p').textContent = text);
        fetch('http://{other}/').catch(() => 0); new WebSocket('ws://{other}/')</script>"
    )));
    let ask = Ask { allow_private: true, ..ask(&format!("http://{own}/")) };
    let shown = bench.browser.fetch(&bench.client, &ask, None).await;
    assert!(html(&shown).contains("<p>7</p>"), "{}", html(&shown));
    assert_eq!(bench.n_trapped(), 0);
    bench.put("/led", page(&format!("<script>location = 'http://{other}/'</script>")));
    let led = Ask { url: format!("http://{own}/led").parse().unwrap(), ..ask };
    assert!(problem(&bench.browser.fetch(&bench.client, &led, None).await).contains("loopback"));
    assert_eq!(bench.n_trapped(), 0);
}

/// Pages that never come to rest. How far a machine that has other work comes with them differs: that the visit ends, and that
/// the next one is not disturbed, does not.
#[tokio::test]
async fn whatever_a_page_does_the_visit_ends() {
    let Some(bench) = Bench::new(|settings| settings.timeout = Duration::from_secs(4)).await else { return };
    for script in [
        "<script>setTimeout(() => { while (true); }, 100)</script>",
        "<script>while (true);</script>",
        "<script>new Worker(URL.createObjectURL(new Blob(['while (true);'])))</script>",
    ] {
        let shown = bench.see_page(script).await;
        if matches!(shown.outcome, Outcome::Fresh { .. }) {
            assert!(html(&shown).contains("<h1>Tin</h1>"), "{script}: {}", html(&shown));
            assert!(
                codes(&shown).iter().all(|code| *code == "browser-unsettled"),
                "{script}: {:?}",
                shown.issues
            );
        } else {
            assert!(problem(&shown).contains("did not let anybody within"), "{script}: {}", problem(&shown));
        }
    }
    assert_eq!(bench.n_trapped(), 0);
}

#[tokio::test]
async fn tricks_of_pages_are_bounded() {
    // More than any of these needs: each ends when the page has come to rest, or to its limit.
    let Some(bench) = Bench::new(|settings| settings.timeout = Duration::from_secs(60)).await else { return };
    let read = async |script: &str, expected: &[&str]| {
        let shown = bench.see_page(script).await;
        assert!(html(&shown).contains("<h1>Tin</h1>"), "{script}: {}", html(&shown));
        assert_eq!(codes(&shown), expected, "{script}: {:?}", shown.issues);
    };
    read("<script>alert(1); confirm(2); prompt(3)</script>", &[]).await;
    read("<script>print()</script>", &[]).await;
    read("<script>location.reload()</script>", &["browser-led-around"]).await;
    read("<script>setInterval(() => location = 'data:text/html,x', 50)</script>", &[]).await;
    read("<script>location = 'file:///etc/passwd'; location = 'chrome://version'</script>", &[]).await;
    read("<script>for (let i = 0; i < 20; i++) window.open('about:blank')</script>", &[]).await;
    read("<script>const a = document.createElement('a'); a.download = 'x'; a.href = URL.createObjectURL(new Blob(['x'])); a.click()</script>", &[]).await;
    read(
        "<script>onbeforeunload = () => 'stay'; navigator.geolocation.getCurrentPosition(() => 0)</script>",
        &[],
    )
    .await;
    read("<script>for (let i = 0; i < 100; i++) fetch('/many' + i)</script>", &["browser-exhausted"]).await;
    read("<script>Element.prototype.__defineGetter__('outerHTML', () => 'x'); document.querySelector = null</script>", &[]).await;
    read("<script>document.title = '\\ud800'</script>", &[]).await;
    let large =
        |size: &str| format!("<script>document.querySelector('ul').append('x'.repeat({size}))</script>");
    let said = problem(&bench.see_page(&large("5e6")).await);
    assert!(said.contains("characters and the limit (`net.max_body`) is 4000000"), "{said}");
    let said = problem(&bench.see_page(&large("100e6")).await);
    // What it comes to depends on the memory of this machine.
    assert!(said.contains("the limit (`net.max_body`)") || said.contains("has crashed"), "{said}");
    let blank = "<script>location = 'about:blank'</script>";
    let said = problem(&bench.see_page(blank).await);
    assert!(said.contains("no address of the web"), "{said}");
    // And after all of that it still reads.
    read("", &[]).await;
    assert_eq!(bench.n_trapped(), 0);
}

#[tokio::test]
async fn it_is_started_when_needed_and_ended_when_not() {
    let Some(bench) = Bench::new(|settings| settings.max_pages = 2).await else { return };
    let pid = || {
        let state = bench.browser.state();
        state.process.as_ref().map(|process| process.endpoint.at.port())
    };
    assert!(!bench.browser.is_running());
    bench.see_page("").await;
    let first = pid();
    bench.see_page("").await;
    assert_eq!(pid(), first, "the same one");
    bench.see_page("").await;
    assert_ne!(pid(), first, "after so many pages another one");
    let stop = CancellationToken::new();
    let watching = bench.browser.watch(stop.clone());
    let idling = async {
        assert!(bench.browser.is_running());
        bench.clock.advance(Duration::from_secs(301));
        while bench.browser.is_running() {
            tokio::task::yield_now().await;
        }
        assert!(html(&bench.see_page("").await).contains("Tin"), "it is started again");
        stop.cancel();
    };
    tokio::join!(watching, idling);
    assert!(!bench.browser.is_running());
    assert!(problem(&bench.see_page("").await).contains("stopping"));
}

#[tokio::test]
async fn one_that_dies_is_told_and_started_again_later() {
    let Some(bench) = Bench::new(|_| {}).await else { return };
    bench.put("/slow", page("<script>setInterval(() => fetch('/x'), 10)</script>"));
    let kill = async {
        while !bench.asked().contains(&"/x".to_owned()) {
            tokio::task::yield_now().await;
        }
        let process = bench.browser.state().process.clone().unwrap();
        process.kill();
    };
    let (shown, ()) = tokio::join!(bench.see("/slow", None), kill);
    assert!(problem(&shown).contains("broke off"), "{}", problem(&shown));
    while bench.browser.is_running() {
        tokio::task::yield_now().await;
    }
    let said = problem(&bench.see_page("").await);
    assert!(said.contains("it has ended by itself"), "{said}");
    bench.clock.advance(FIRST_WAIT);
    assert!(html(&bench.see_page("").await).contains("Tin"));
}

//! Builds everything from a [`Config`], starts every task, and stops every task.
//!
//! The only place where tasks start. Each is supervised: a panic or an error is logged and counted, and the task
//! starts again after a pause, so that one bad page cannot stop the house. Only a store that is broken for good (a
//! full disk, a damaged file) stops it: a daemon that cannot keep anything would look alive and do nothing.

mod chains;
mod files;
mod offline;
mod own_token;
mod probe;
mod reading;
mod recording;
mod scripted;
pub(crate) mod shown;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use futures_util::FutureExt;
use tokio::{net::TcpListener, sync::watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use offline::{
    Trial, accept_once, backfill_once, check_recordable, not_recordable, push_once, recognize, run_once,
    take_back_once, try_source,
};
pub use probe::{Feed, Fetched, Marked, Probed, probe};
pub use recording::{Asked, Meta, Recording, Replay};
pub use scripted::Means;

use crate::{
    clock::{self, SharedClock},
    config::{self, Config},
    fetch::browser::Browser,
    ingest::Ingest,
    journal::Journal,
    publish::{Format, Publisher, canary::Canary},
    push::{
        Push,
        hub::{Edition, Editions},
    },
    store::{self, Store},
    telemetry,
    web::{self, auth::Tokens, server::tls::Tls, told::Teller},
};

/// Time for tasks to finish what they have begun once the process is asked to stop.
const GRACE: Duration = Duration::from_secs(15);

/// Everything that runs.
pub struct App {
    /// What is watched.
    pub ingest: Arc<Ingest>,
    /// What is published.
    pub publisher: Arc<Publisher>,
    /// Whether another hub delivers.
    pub canary: Arc<Canary>,
    /// Who is told.
    pub push: Arc<Push>,
    /// What is kept.
    pub store: Arc<dyn Store>,
    /// The operator's token.
    pub token: Arc<str>,
    tokens: Arc<Tokens>,
    journal: Arc<Journal>,
    tls: Option<Arc<Tls>>,
    clock: SharedClock,
    stop: CancellationToken,
    tasks: TaskTracker,
    /// Why the house cannot go on, once it cannot.
    broken: watch::Sender<Option<Arc<store::Error>>>,
}

/// Runs the daemon until SIGTERM or Ctrl-C; reloads the configuration on SIGHUP.
pub async fn serve(
    config: Config,
    overrides: Vec<(String, String)>,
    path: Option<PathBuf>,
) -> anyhow::Result<()> {
    let wanted = (config.web.max_connections + config.push.requests() + config.net.concurrency) as u64;
    let files = files::most();
    if files < wanted {
        tracing::warn!(
            files,
            wanted,
            "fewer files may be open than there may be connections: `ulimit -n` sets how many"
        );
    }
    let listener = listen(config.web.listen).await?;
    let address = listener.local_addr()?;
    let scheme = if config.web.tls.is_some() { "https" } else { "http" };
    let (n_sources, n_feeds) = (config.ingest.sources.len(), config.publish.feeds.len());
    let n_webhooks = config.push.webhooks.len();
    let from = path.as_ref().map_or("built in".to_owned(), |path| path.display().to_string());
    let store = config.store.path.as_ref().map_or("memory".to_owned(), |path| path.display().to_string());
    // From here on, so that a signal during the start or a reload is neither deadly nor lost.
    let mut hangup = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?;
    let mut asked = std::pin::pin!(stop_signal());
    let app = tokio::select! {
        started = App::start(config, listener, Arc::new(clock::System)) => started?,
        () = &mut asked => return Ok(()),
    };
    tracing::info!(%address, "listening on {scheme}://{address}");
    tracing::info!(
        n_sources,
        n_feeds,
        n_webhooks,
        "configuration: {from}; sources: {n_sources}, feeds: {n_feeds}, webhooks: {n_webhooks}; store: {store}"
    );
    let broken = loop {
        tokio::select! {
            () = &mut asked => break None,
            cause = app.broken() => break Some(cause),
            _ = hangup.recv() => match config::load(path.as_deref(), &overrides) {
                Ok(config) => app.reload(config).await?,
                Err(report) => tracing::error!("the configuration was not reloaded, the old one goes on:\n{report}"),
            },
        }
    };
    tracing::info!("stopping");
    tokio::select! {
        () = app.stop() => {}
        () = stop_signal() => tracing::warn!("asked twice: what is under way is left; nothing stored is lost"),
    }
    broken.map_or(Ok(()), |cause| Err(anyhow::Error::new(cause).context("the daemon has stopped")))
}

/// Binds an address.
pub async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|cause| match cause.kind() {
        std::io::ErrorKind::AddrInUse => anyhow::anyhow!(
            "cannot listen on `{address}`: another process has this port\nhint: stop it, or choose another `web.listen`"
        ),
        _ => anyhow::anyhow!("cannot listen on `{address}`: {cause}"),
    })
}

/// Completes when the process is asked to stop.
pub async fn stop_signal() {
    let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .expect("a process can always listen for SIGTERM");
    tokio::select! {
        _ = term.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

// === impl App ===

impl App {
    /// Opens the store, brings the feeds up, starts every task.
    pub async fn start(config: Config, listener: TcpListener, clock: SharedClock) -> anyhow::Result<Self> {
        let store = store::open(&config.store).await?;
        let token = own_token::of(&config)?;
        let tokens = Arc::new(Tokens::open(Arc::clone(&store), Arc::clone(&clock), &token).await?);
        let tls = config.web.tls.clone().map(Tls::load).transpose()?.map(Arc::new);
        let journal = Arc::new(Journal::open(Arc::clone(&store)).await?);
        let chains = chains::open(&*store, &clock).await?;
        let (client, push_client) = chains::clients(&config, &clock, &chains)?;
        let (feeds, private) = (shown::feeds(&config.publish), shown::private_sources(&config));
        let publisher =
            Publisher::new(Arc::clone(&store), Arc::clone(&journal), Arc::clone(&clock), config.publish);
        let push = Push::new(
            Arc::clone(&store),
            Arc::clone(&journal),
            push_client,
            Arc::clone(&clock),
            config.push.clone(),
        );
        push.set_feeds(feeds);
        push.set_private(private);
        push.reload(config.push).await?;
        let browser = config.browser.map(|settings| Browser::new(settings, Arc::clone(&clock)));
        let ingest = Ingest::new(
            Arc::clone(&journal),
            client.clone(),
            browser.clone(),
            Arc::clone(&clock),
            config.ingest,
        );
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        push.set_editions(editions(&publisher, &stop));
        let broken = watch::Sender::new(None);
        let canary = Canary::new(Arc::clone(&publisher), client.clone());
        let app = Self {
            ingest,
            publisher,
            canary,
            push,
            store,
            token,
            tokens,
            journal,
            tls,
            clock,
            stop,
            tasks,
            broken,
        };
        app.start_tasks(listener, config.web)?;
        app.start_announcing(client);
        app.start_remembering(chains);
        app.start_browsing(browser);
        Ok(app)
    }

    fn start_tasks(&self, listener: TcpListener, settings: web::Settings) -> anyhow::Result<()> {
        let metrics = telemetry::metrics()?;
        let state = web::State {
            store: Arc::clone(&self.store),
            journal: Arc::clone(&self.journal),
            clock: Arc::clone(&self.clock),
            publisher: Arc::clone(&self.publisher),
            canary: Arc::clone(&self.canary),
            push: Arc::clone(&self.push),
            teller: self.teller(settings.max_streams),
            ingest: Arc::clone(&self.ingest),
            tokens: Arc::clone(&self.tokens),
            metrics: metrics.clone(),
        };
        let (tls, stop) = (self.tls.clone(), self.stop.clone());
        self.tasks.spawn(web::server::serve(listener, tls, state, settings, stop));
        if let Some(tls) = self.tls.clone() {
            let (clock, stop) = (Arc::clone(&self.clock), self.stop.clone());
            self.tasks.spawn(async move { tls.watch(clock, stop).await });
        }
        self.tasks.spawn(telemetry::upkeep(metrics, self.stop.clone()));
        let (publisher, stop) = (Arc::clone(&self.publisher), self.stop.clone());
        self.supervise("publish", move || {
            let (publisher, stop) = (Arc::clone(&publisher), stop.clone());
            async move {
                publisher.rebuild().await?;
                publisher.follow(stop).await
            }
        });
        let (publisher, stop) = (Arc::clone(&self.publisher), self.stop.clone());
        self.supervise("refresh", move || {
            let (publisher, stop) = (Arc::clone(&publisher), stop.clone());
            async move { publisher.refresh(stop).await }
        });
        let (publisher, ingest, stop) =
            (Arc::clone(&self.publisher), Arc::clone(&self.ingest), self.stop.clone());
        self.supervise("expect", move || expect(Arc::clone(&publisher), Arc::clone(&ingest), stop.clone()));
        let (push, stop) = (Arc::clone(&self.push), self.stop.clone());
        self.supervise("route", move || {
            let (push, stop) = (Arc::clone(&push), stop.clone());
            async move { push.route(stop).await }
        });
        let (push, stop) = (Arc::clone(&self.push), self.stop.clone());
        self.supervise("deliver", move || {
            let (push, stop) = (Arc::clone(&push), stop.clone());
            async move { push.deliver(stop).await }
        });
        let (push, stop) = (Arc::clone(&self.push), self.stop.clone());
        self.supervise("ask back", move || {
            let (push, stop) = (Arc::clone(&push), stop.clone());
            async move { push.ask_back(stop).await }
        });
        let (push, stop) = (Arc::clone(&self.push), self.stop.clone());
        self.supervise("sweep", move || {
            let (push, stop) = (Arc::clone(&push), stop.clone());
            async move { push.sweep(stop).await }
        });
        self.start_reading();
        self.start_mailing();
        self.start_watching();
        Ok(())
    }

    fn start_mailing(&self) {
        let (push, stop) = (Arc::clone(&self.push), self.stop.clone());
        self.supervise("mail", move || {
            let (push, stop) = (Arc::clone(&push), stop.clone());
            async move { push.deliver_mails(stop).await }
        });
        let (push, stop) = (Arc::clone(&self.push), self.stop.clone());
        self.supervise("owners", move || {
            let (push, stop) = (Arc::clone(&push), stop.clone());
            async move { push.tell_owners(stop).await }
        });
    }

    fn start_watching(&self) {
        let (ingest, stop) = (Arc::clone(&self.ingest), self.stop.clone());
        self.supervise("hubs", move || {
            let (ingest, stop) = (Arc::clone(&ingest), stop.clone());
            async move { ingest.follow_hubs(stop).await }
        });
        let (ingest, stop) = (Arc::clone(&self.ingest), self.stop.clone());
        let (archives, halt) = (Arc::clone(&self.ingest), self.stop.clone());
        self.supervise("archives", move || {
            let (ingest, stop) = (Arc::clone(&archives), halt.clone());
            async move { ingest.walk_archives(stop).await }
        });
        self.supervise("ingest", move || {
            let (ingest, stop) = (Arc::clone(&ingest), stop.clone());
            async move { ingest.run(stop).await }
        });
    }

    /// Tells the public of events, and at most `places` clients that wait for them.
    fn teller(&self, places: usize) -> Arc<Teller> {
        let from = web::told::Sources {
            store: Arc::clone(&self.store),
            push: Arc::clone(&self.push),
            publisher: Arc::clone(&self.publisher),
        };
        Teller::new(from, &self.journal, places, self.stop.clone())
    }

    /// Completes when the store has failed in a way that only a new start can heal.
    pub async fn broken(&self) -> Arc<store::Error> {
        let mut watched = self.broken.subscribe();
        loop {
            if let Some(cause) = &*watched.borrow_and_update() {
                return Arc::clone(cause);
            }
            // The sender is ours, so it lives as long as we do.
            watched.changed().await.expect("the sender lives in `self`");
        }
    }

    /// Starts a task that starts again when it fails, after a pause that grows to a minute.
    fn supervise<F, T>(&self, name: &'static str, task: F)
    where
        F: Fn() -> T + Send + 'static,
        T: Future<Output = store::Result<()>> + Send,
    {
        let (stop, broken) = (self.stop.clone(), self.broken.clone());
        self.tasks.spawn(async move {
            let mut pause = Duration::from_millis(500);
            loop {
                match std::panic::AssertUnwindSafe(task()).catch_unwind().await {
                    Ok(Ok(())) => return,
                    Ok(Err(error)) if error.is_lasting() => {
                        tracing::error!(task = name, "the task `{name}` cannot go on: {error}");
                        broken.send_if_modified(|first| {
                            first.is_none() && first.insert(Arc::new(error)).is_lasting()
                        });
                        return;
                    }
                    Ok(Err(error)) => tracing::error!(task = name, "the task `{name}` failed: {error}"),
                    Err(_) => tracing::error!(task = name, "the task `{name}` panicked"),
                }
                metrics::counter!("loa_task_restarts_total", "task" => name).increment(1);
                if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                    return;
                }
                pause = (pause * 2).min(Duration::from_secs(60));
            }
        });
    }

    /// Swaps sources, feeds and webhooks whole, and reads the certificate again. Addresses, store and limits stay as
    /// they were started.
    pub async fn reload(&self, config: Config) -> anyhow::Result<()> {
        if let Some(Err(cause)) = self.tls.as_deref().map(Tls::reload) {
            tracing::error!("the certificate was not read again, the old one goes on: {cause}");
        }
        self.push.set_private(shown::private_sources(&config));
        self.push.set_feeds(shown::feeds(&config.publish));
        self.publisher.reload(config.publish).await?;
        self.push.reload(config.push).await?;
        self.ingest.reload(config.ingest);
        tracing::info!(
            "the configuration was reloaded; `[web]`, `[store]`, `[net]`, `[browser]` and `[log]` change with a restart"
        );
        Ok(())
    }

    /// True when nothing is left to do at this instant: no pass due or under way, followers at the head, no
    /// delivery due or under way. Tests wait for it after they moved the clock.
    pub async fn is_idle(&self) -> store::Result<bool> {
        let shown = self.publisher.ready() && self.publisher.seen() == self.store.head().await?;
        Ok(shown && self.push.is_idle().await? && !self.ingest.is_busy() && !self.canary.is_busy())
    }

    /// Stops every task and waits until they are done, at most the grace time.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(GRACE, self.tasks.wait()).await.is_err() {
            tracing::warn!(
                "some work did not end within {} s and is left; nothing stored is lost",
                GRACE.as_secs()
            );
        }
    }
}

/// Tells the feeds when their sources are looked at next, until `stop`.
async fn expect(
    publisher: Arc<Publisher>,
    ingest: Arc<Ingest>,
    stop: CancellationToken,
) -> store::Result<()> {
    /// So many are told of at once; of more only every now and then: caches are told minutes, not seconds.
    const FEW: usize = 500;
    let mut moved = ingest.dues_moved();
    loop {
        moved.mark_unchanged();
        let dues = ingest.dues();
        let pause = if dues.len() > FEW { Duration::from_secs(2) } else { Duration::ZERO };
        publisher.expect(Arc::new(dues));
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            changed = moved.changed() => if changed.is_err() { return Ok(()) },
        }
        if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            return Ok(());
        }
    }
}

/// What the hub sends: what the addresses of feeds serve.
fn editions(publisher: &Arc<Publisher>, stop: &CancellationToken) -> Editions {
    let (publisher, stop) = (Arc::clone(publisher), stop.clone());
    Arc::new(move |feed, topic, seq| {
        let (publisher, stop) = (Arc::clone(&publisher), stop.clone());
        async move {
            let format = *Format::ALL.get(topic)?;
            let document = stop.run_until_cancelled(publisher.document_at(&feed, format, seq)).await??;
            Some(Edition {
                content_type: document.content_type,
                link: document.link.clone(),
                body: document.identity().body.clone(),
            })
        }
        .boxed()
    })
}

//! A hop whose server leaves certificates out: they are fetched, verified, and the hop is made once more.

use bytes::Bytes;
use reqwest::Response;
use rustls::pki_types::CertificateDer;
use url::Url;

use super::{Client, Rest, Way, first, guarded, hop::Incoming};
use crate::net::{
    Error, Request,
    chain::{self, Repair, Unlinked},
    error::{self, shown},
    redirect::Hop,
};

impl Client {
    /// One hop, and once more with the certificates that the server should have sent.
    pub(super) async fn ask_repaired(
        &self,
        way: &Way,
        hop: &Hop,
        via: Option<&Url>,
        allow_private: bool,
    ) -> Result<Response, Error> {
        let http = way.http(allow_private);
        let mut failed = match self.ask(http, hop, via).await {
            Err(error) => error,
            response => return response,
        };
        let Error::Connect { source, chain, .. } = &mut failed else { return Err(failed) };
        let Some(unlinked) = error::unlinked(source).cloned() else { return Err(failed) };
        let chains = &self.0.ways.chains;
        if let Some(problem) = chains.failed(&unlinked.name, way.trust) {
            *chain = Some(problem);
            return Err(failed);
        }
        let name = unlinked.name.clone();
        let found = self.repair(way, unlinked, allow_private).await;
        chains.remember(&name, way.trust, found.clone());
        match found {
            Ok(added) => {
                let (host, n_added) = (name.to_str(), added.len());
                tracing::info!(%host, n_added, "completed the certificates that `{host}` leaves out");
                self.ask(http, hop, via).await
            }
            Err(problem) => {
                *chain = Some(problem);
                Err(failed)
            }
        }
    }

    /// Fetches what a chain lacks until it leads to a root, and says in words why it does not.
    async fn repair(
        &self,
        way: &Way,
        unlinked: Unlinked,
        allow_private: bool,
    ) -> Result<Vec<CertificateDer<'static>>, String> {
        let http = way.http(allow_private);
        let mut repair = Repair::new(unlinked);
        let mut fetches = 0;
        for _ in 0..chain::MAX_DEPTH {
            let mut problem = String::new();
            let mut is_longer = false;
            for url in repair.missing()? {
                if fetches == chain::MAX_FETCHES {
                    return Err(format!("more than {fetches} certificates would have to be fetched"));
                }
                fetches += 1;
                let taken = match self.certificate(http, &url, allow_private).await {
                    Ok(file) => repair.add(&file),
                    Err(error) => Err(error),
                };
                match taken {
                    Ok(()) => {
                        is_longer = true;
                        break;
                    }
                    Err(cause) => {
                        let url = shown(&url);
                        problem = format!(
                            "the server does not send its intermediate certificate, which could not be fetched from `{url}`: {cause}"
                        );
                    }
                }
            }
            if !is_longer {
                return Err(problem);
            }
            if let Some(result) = repair.verify(&way.webpki) {
                return result;
            }
        }
        Err(format!("no root is reached over {} certificates that were fetched", chain::MAX_DEPTH))
    }

    /// What stands where an authority keeps its certificate. No redirects: it is to be found at that very address.
    async fn certificate(
        &self,
        http: &reqwest::Client,
        url: &Url,
        allow_private: bool,
    ) -> Result<Bytes, String> {
        // A hint belongs to the address that the operator wrote, not to this one.
        let short = |error: Error| error.to_string().lines().next().map(str::to_owned).unwrap_or_default();
        guarded(url, None, allow_private).map_err(short)?;
        let hop = first(http, Request::get(url.clone())).map_err(short)?;
        let asked = Incoming::live(self.take(&hop), self.ask(http, &hop, None));
        let response = asked.await.map_err(short)?;
        let status = response.status;
        if !status.is_success() {
            return Err(format!("the answer is status {}", status.as_u16()));
        }
        match self.body(response, url, chain::MAX_BYTES, true).await.map_err(short)? {
            (body, Rest::Nothing) => Ok(body),
            (_, Rest::Cut) => Err(format!("it is larger than {} KiB", chain::MAX_BYTES >> 10)),
        }
    }
}

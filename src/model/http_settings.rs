//! The groups of settings that are merged from http to server to location.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::access::AccessSettings;
use super::cache::CacheSettings;
use super::client::ClientSettings;
use super::content::ContentSettings;
use super::core_http::CoreHttpSettings;
use super::fastcgi::{FastcgiProxySettings, FastcgiSettings};
use super::files::FileSettings;
use super::filter::{FilterSettings, GzipSettings};
use super::limit::LimitSettings;
use super::pass::PassSettings;
use super::proxy::ProxySettings;
use super::reuse::ReuseSettings;
use super::tls::TlsSettings;

/// Settings that are merged from http to server to location. Levels that set nothing of a group share it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HttpSettings {
    /// `ngx_http_core_module` and what is near it.
    #[serde(with = "super::serial::shared")]
    pub core: Arc<CoreHttpSettings>,
    /// `ngx_http_proxy_module`
    #[serde(with = "super::serial::shared")]
    pub proxy: Arc<ProxySettings>,
    /// What decides how many upstream connections other modules need.
    #[serde(with = "super::serial::shared")]
    pub reuse: Arc<ReuseSettings>,
    /// Files, and headers of responses.
    #[serde(with = "super::serial::shared")]
    pub content: Arc<ContentSettings>,
    /// The filters of responses.
    #[serde(with = "super::serial::shared")]
    pub filter: Arc<FilterSettings>,
    /// How files are opened and sent.
    #[serde(with = "super::serial::shared")]
    pub files: Arc<FileSettings>,
    /// Who may ask.
    #[serde(with = "super::serial::shared")]
    pub access: Arc<AccessSettings>,
    /// Compression.
    #[serde(with = "super::serial::shared")]
    pub gzip: Arc<GzipSettings>,
    /// What the proxy changes on the way.
    #[serde(with = "super::serial::shared")]
    pub pass: Arc<PassSettings>,
    /// Limits and the resolver.
    #[serde(with = "super::serial::shared")]
    pub limit: Arc<LimitSettings>,
    /// Files with responses.
    #[serde(with = "super::serial::shared")]
    pub cache: Arc<CacheSettings>,
    /// `ngx_http_fastcgi_module`
    #[serde(with = "super::serial::shared")]
    pub fastcgi: Arc<FastcgiSettings>,
    /// What it has as the proxy module has it.
    #[serde(with = "super::serial::shared")]
    pub fastcgi_proxy: Arc<FastcgiProxySettings>,
    /// How clients are told apart.
    #[serde(with = "super::serial::shared")]
    pub client: Arc<ClientSettings>,
    /// TLS and HTTP/2.
    #[serde(with = "super::serial::shared")]
    pub tls: Arc<TlsSettings>,
}

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
use super::scgi::ScgiSettings;
use super::tls::TlsSettings;
use super::uwsgi::UwsgiSettings;

/// Settings that are merged from http to server to location. A level that sets nothing of a group shares the outer
/// level's group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HttpSettings {
    /// `ngx_http_core_module` and the logs.
    #[serde(with = "super::serial::shared")]
    pub core: Arc<CoreHttpSettings>,
    /// `ngx_http_proxy_module`
    #[serde(with = "super::serial::shared")]
    pub proxy: Arc<ProxySettings>,
    /// Settings of other modules that decide how many upstream connections are opened.
    #[serde(with = "super::serial::shared")]
    pub reuse: Arc<ReuseSettings>,
    /// Static files, and response headers.
    #[serde(with = "super::serial::shared")]
    pub content: Arc<ContentSettings>,
    /// Response filters.
    #[serde(with = "super::serial::shared")]
    pub filter: Arc<FilterSettings>,
    /// Opening and sending files.
    #[serde(with = "super::serial::shared")]
    pub files: Arc<FileSettings>,
    /// Access phase.
    #[serde(with = "super::serial::shared")]
    pub access: Arc<AccessSettings>,
    /// Compression.
    #[serde(with = "super::serial::shared")]
    pub gzip: Arc<GzipSettings>,
    /// Changes that the proxy makes to requests and responses, and failover.
    #[serde(with = "super::serial::shared")]
    pub pass: Arc<PassSettings>,
    /// Limits and the resolver.
    #[serde(with = "super::serial::shared")]
    pub limit: Arc<LimitSettings>,
    /// Cache and store.
    #[serde(with = "super::serial::shared")]
    pub cache: Arc<CacheSettings>,
    /// `ngx_http_fastcgi_module`
    #[serde(with = "super::serial::shared")]
    pub fastcgi: Arc<FastcgiSettings>,
    /// `ngx_http_fastcgi_module`: the settings with a counterpart in the proxy module.
    #[serde(with = "super::serial::shared")]
    pub fastcgi_proxy: Arc<FastcgiProxySettings>,
    /// `ngx_http_scgi_module`
    #[serde(with = "super::serial::shared")]
    pub scgi: Arc<ScgiSettings>,
    /// `ngx_http_uwsgi_module`
    #[serde(with = "super::serial::shared")]
    pub uwsgi: Arc<UwsgiSettings>,
    /// Referers, browsers, user ids and secure links.
    #[serde(with = "super::serial::shared")]
    pub client: Arc<ClientSettings>,
    /// TLS and HTTP/2.
    #[serde(with = "super::serial::shared")]
    pub tls: Arc<TlsSettings>,
}

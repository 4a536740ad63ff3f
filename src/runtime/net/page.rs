//! Status lines and the pages of statuses that have no body of their own (`ngx_http_special_response.c`).

/// Code and reason as nginx writes it; `None`: only the code.
pub(crate) fn reason(status: u16) -> Option<&'static str> {
    Some(match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Moved Temporarily",
        303 => "See Other",
        304 => "Not Modified",
        401 => "Unauthorized",
        _ => return title(status),
    })
}

/// The title of the page of a status; `None`: an empty body.
fn title(status: u16) -> Option<&'static str> {
    Some(match status {
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Authorization Required",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Time-out",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Request Entity Too Large",
        414 => "Request-URI Too Large",
        415 => "Unsupported Media Type",
        416 => "Requested Range Not Satisfiable",
        421 => "Misdirected Request",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Temporarily Unavailable",
        504 => "Gateway Time-out",
        505 => "HTTP Version Not Supported",
        507 => "Insufficient Storage",
        _ => return None,
    })
}

/// nginx's own statuses that are sent as 400, with what the page says in addition.
fn sent_as_400(status: u16) -> Option<&'static str> {
    Some(match status {
        494 => "Request Header Or Cookie Too Large",
        495 => "The SSL certificate error",
        496 => "No required SSL certificate was sent",
        497 => "The plain HTTP request was sent to HTTPS port",
        _ => return None,
    })
}

/// The status that goes over the wire.
pub(crate) fn wire_status(status: u16) -> u16 {
    if sent_as_400(status).is_some() { 400 } else { status }
}

/// Appends the page; `product` is what its last line says. False if the status has none.
pub(crate) fn write(status: u16, product: &str, out: &mut Vec<u8>) -> bool {
    let mut page = if let Some(text) = sent_as_400(status) {
        format!(
            "<html>\r\n<head><title>400 {text}</title></head>\r\n<body>\r\n\
             <center><h1>400 Bad Request</h1></center>\r\n<center>{text}</center>\r\n"
        )
    } else {
        let (code, title) = match (status, title(status)) {
            (498, _) => (404, "Not Found"),
            (_, Some(title)) => (status, title),
            (_, None) => return false,
        };
        format!(
            "<html>\r\n<head><title>{code} {title}</title></head>\r\n<body>\r\n\
             <center><h1>{code} {title}</h1></center>\r\n"
        )
    };
    page.push_str("<hr><center>");
    page.push_str(product);
    page.push_str("</center>\r\n</body>\r\n</html>\r\n");
    out.extend_from_slice(page.as_bytes());
    true
}

#[cfg(test)]
mod tests {
    #[test]
    fn sizes() {
        // As nginx 1.31.5 sends them.
        for (status, size) in [(400, 157), (404, 153), (500, 177), (502, 157), (505, 187)] {
            let mut out = Vec::new();
            assert!(super::write(status, "nginx/1.31.5", &mut out));
            assert_eq!(out.len(), size, "{status}");
        }
        assert!(!super::write(299, "nginx", &mut Vec::new()));
    }
}

<?php
// WordPress asks no service on this machine, nor at an unusual port; sawt is both here. In production it is neither.
add_filter( 'http_request_host_is_external', '__return_true' );
add_filter(
	'http_allowed_safe_ports',
	static fn( $ports, $host, $url ) => '127.0.0.1' === $host ? array( wp_parse_url( $url, PHP_URL_PORT ) ) : $ports,
	10,
	3
);

<?php
/**
 * Where the service is, and which poll an editor means.
 *
 * @package sawt
 */

namespace Sawt;

defined( 'ABSPATH' ) || exit;

/**
 * The address of the service without a slash at the end, or '' until somebody has said. What wp-config.php says holds
 * against the settings page.
 */
function service(): string {
	return base_of( (string) ( defined( 'SAWT_PUBLIC_URL' ) ? SAWT_PUBLIC_URL : get_option( OPTION, '' ) ) );
}

/**
 * The address of a service in what was typed: alone, or with what follows it in a poll's address. '' if there is none.
 *
 * @param string $text What was typed.
 */
function base_of( string $text ): string {
	$url = parsed( $text );
	if ( ! $url ) {
		return '';
	}
	$path = preg_replace( '#/(?:embed|oembed)(?:[./].*)?$#', '', $url['path'] );
	return $url['scheme'] . '://' . $url['host'] . $url['port'] . rtrim( $path, '/' );
}

/**
 * The poll that is named by its id or its address at the service, and how it shall look by that address: an array of
 * `id` and `look`, or null if it is none of the service's.
 *
 * @param string $text What an editor wrote.
 */
function poll_at( string $text ): ?array {
	$id   = '([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})';
	$text = bare( $text );
	$own  = parsed( service() );
	if ( ! $own ) {
		return null;
	}
	if ( preg_match( "/^$id$/i", $text, $found ) ) {
		return array(
			'id'   => strtolower( $found[1] ),
			'look' => array(),
		);
	}
	$url  = parsed( $text );
	$base = preg_quote( rtrim( $own['path'], '/' ), '#' );
	// With TLS or without, it is the same page.
	$is_own = $url && $url['host'] === $own['host'] && $url['port'] === $own['port'];
	if ( ! $is_own || ! preg_match( "#^$base/+embed/+$id(?:/form)?/*$#i", $url['path'], $found ) ) {
		return null;
	}
	wp_parse_str( $url['query'], $asked );
	return array(
		'id'   => strtolower( $found[1] ),
		'look' => look( $asked ),
	);
}

/**
 * How a poll shall look: those of `theme`, `lang` and `digits` that are given. The service passes over what it does not
 * know.
 *
 * @param array $given Attributes, or the parameters of an address.
 */
function look( array $given ): array {
	$look = array();
	foreach ( array( 'theme', 'lang', 'digits' ) as $name ) {
		$value = $given[ $name ] ?? '';
		if ( is_string( $value ) && preg_match( '/^[\w-]{1,20}$/', $value ) ) {
			$look[ $name ] = $value;
		}
	}
	return $look;
}

/**
 * The page of a poll.
 *
 * @param array $poll What poll_at() found.
 */
function page_of( array $poll ): string {
	return add_query_arg( $poll['look'], service() . '/embed/' . $poll['id'] );
}

/**
 * An address of the web in its parts, each as it is compared; null for anything else. The usual ports are none.
 *
 * @param string $text An address.
 */
function parsed( string $text ): ?array {
	$url    = wp_parse_url( bare( $text ) );
	$scheme = strtolower( $url['scheme'] ?? '' );
	$host   = strtolower( $url['host'] ?? '' );
	$is_web = 'https' === $scheme || 'http' === $scheme;
	if ( ! $is_web || isset( $url['user'] ) || ! preg_match( '/^(?:[\p{L}\p{N}._-]+|\[[0-9a-f:.]+\])$/u', $host ) ) {
		return null;
	}
	$port = (int) ( $url['port'] ?? 80 );
	return array(
		'scheme' => $scheme,
		'host'   => $host,
		'port'   => in_array( $port, array( 80, 443 ), true ) ? '' : ":$port",
		'path'   => $url['path'] ?? '',
		'query'  => $url['query'] ?? '',
	);
}

/**
 * A text without what nobody sees at either end: spaces and marks of direction come along when an address is copied. As
 * WordPress hands texts over, `&` may be written as in HTML.
 *
 * @param string $text A text.
 */
function bare( string $text ): string {
	$text = html_entity_decode( $text, ENT_QUOTES | ENT_HTML5, 'UTF-8' );
	return (string) preg_replace( '/^[\s\p{Z}\p{Cf}]+|[\s\p{Z}\p{Cf}]+$/u', '', $text );
}

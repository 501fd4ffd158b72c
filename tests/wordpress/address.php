<?php
/**
 * Which addresses the plugin takes for a poll's page, where the service has a host of its own and where it is mounted under
 * a path. WordPress itself is not needed for it. Ends with 1 and says which if one is taken wrongly.
 *
 * @package sawt
 */

// phpcs:disable

namespace {
	define( 'ABSPATH', '/' );
	function wp_parse_url( $url ) {
		return parse_url( $url );
	}
	function wp_parse_str( $text, &$found ) {
		parse_str( $text, $found );
	}
	function get_option() {
		return $GLOBALS['service'];
	}
}

namespace Sawt {
	const OPTION = 'sawt_service';
	require __DIR__ . '/../../deploy/wordpress/address.php';

	$id    = '01932f6e-7c1a-7b60-8d5e-0b8f6a3c9d21';
	$wrong = 0;
	foreach (
		array(
			array( 'https://votes.example', "https://votes.example/embed/$id", true ),
			array( 'https://votes.example', "https://votes.example/polls/embed/$id", false ),
			array( 'https://news.example/polls', "https://news.example/polls/embed/$id", true ),
			array( 'https://news.example/polls', "http://news.example/polls/embed/$id/form?lang=ar", true ),
			array( 'https://news.example/polls', "https://news.example/embed/$id", false ),
			array( 'https://news.example/polls', "https://news.example/pollsters/embed/$id", false ),
			array( 'https://news.example/polls', "https://news.example/polls/polls/embed/$id", false ),
			// A poll's address, typed where the service's belongs.
			array( "https://news.example/polls/embed/$id", "https://news.example/polls/embed/$id", true ),
		) as list( $service, $address, $is_own )
	) {
		$GLOBALS['service'] = $service;
		$found              = poll_at( $address );
		$is_right           = $is_own ? ( $found['id'] ?? '' ) === $id && page_of_is_below( $found ) : null === $found;
		if ( ! $is_right ) {
			fwrite( STDERR, "$address at $service\n" );
			$wrong = 1;
		}
	}
	exit( $wrong );

	/** Whether the page that is linked is below the service's address. */
	function page_of_is_below( array $poll ): bool {
		return 0 === strpos( page_of( $poll ), service() . '/embed/' . $poll['id'] );
	}

	function add_query_arg( array $query, string $address ): string {
		return $query ? $address . '?' . http_build_query( $query ) : $address;
	}
}

<?php
/**
 * Plugin Name: sawt polls
 * Description: Put a poll's address on a line of its own, and the poll stands there.
 * License: Apache-2.0
 */
defined( 'ABSPATH' ) || exit;

// Where readers reach sawt, as in its setting of this name. Another may be defined in wp-config.php.
defined( 'SAWT_PUBLIC_URL' ) || define( 'SAWT_PUBLIC_URL', 'https://votes.example' );

add_action( 'init', static function () {
	wp_oembed_add_provider( SAWT_PUBLIC_URL . '/embed/*', SAWT_PUBLIC_URL . '/oembed' );
} );

<?php
/**
 * What the plugin leaves is removed: its option, on each site of a network.
 *
 * @package sawt
 */

defined( 'WP_UNINSTALL_PLUGIN' ) || exit;

delete_option( 'sawt_service' );
if ( is_multisite() ) {
	foreach ( get_sites( array( 'fields' => 'ids', 'number' => 0 ) ) as $sawt_site ) {
		delete_blog_option( $sawt_site, 'sawt_service' );
	}
}

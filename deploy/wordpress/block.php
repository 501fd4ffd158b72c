<?php
/**
 * The block "sawt poll". The server makes of it what it makes of the shortcode.
 *
 * @package sawt
 */

namespace Sawt;

defined( 'ABSPATH' ) || exit;

add_action( 'init', __NAMESPACE__ . '\register_block' );

/**
 * Tells WordPress of the block, and the editor's part of it where the service is and what to call things.
 */
function register_block(): void {
	$block = register_block_type( __DIR__ . '/block', array( 'render_callback' => __NAMESPACE__ . '\render_block' ) );
	if ( ! $block || ! is_admin() ) {
		return;
	}
	$told = array(
		'service' => service(),
		'words'   => array(
			'poll'       => __( 'Poll', 'sawt' ),
			'help'       => __( 'Its address or its id', 'sawt' ),
			'instruct'   => __( 'Paste the address of a poll at your service.', 'sawt' ),
			'unset'      => __( 'Say in the settings of “sawt polls” where your service is; then the poll stands here.', 'sawt' ),
			'not_a_poll' => __( 'That is neither the id nor the address of a poll at your service.', 'sawt' ),
			'looks'      => __( 'Looks', 'sawt' ),
			'theme'      => __( 'Theme', 'sawt' ),
			'auto'       => __( 'As the page', 'sawt' ),
			'light'      => __( 'Light', 'sawt' ),
			'dark'       => __( 'Dark', 'sawt' ),
			'lang'       => __( 'Language of the buttons', 'sawt' ),
			'own'        => __( 'The poll’s own', 'sawt' ),
			'digits'     => __( 'Digits', 'sawt' ),
		),
	);
	foreach ( $block->editor_script_handles as $handle ) {
		wp_add_inline_script( $handle, 'window.sawtPolls = ' . wp_json_encode( $told, JSON_HEX_TAG ) . ';', 'before' );
	}
}

/**
 * The block in a page.
 *
 * @param array $attributes The block's.
 */
function render_block( $attributes ): string {
	$shown = show( (string) ( $attributes['poll'] ?? '' ), $attributes );
	return '' === $shown ? '' : '<div ' . get_block_wrapper_attributes() . '>' . $shown . '</div>';
}

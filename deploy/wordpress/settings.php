<?php
/**
 * Settings → sawt polls: where the service is.
 *
 * @package sawt
 */

namespace Sawt;

defined( 'ABSPATH' ) || exit;

add_action( 'admin_init', __NAMESPACE__ . '\register_settings' );
add_action( 'admin_menu', __NAMESPACE__ . '\add_page' );
add_filter( 'plugin_action_links_' . plugin_basename( __DIR__ . '/sawt.php' ), __NAMESPACE__ . '\with_settings_link' );

/**
 * The option and its field. WordPress's own options.php saves it: it checks the nonce and the capability.
 */
function register_settings(): void {
	register_setting(
		'sawt',
		OPTION,
		array(
			'type'              => 'string',
			'default'           => '',
			'sanitize_callback' => __NAMESPACE__ . '\sanitize',
			'show_in_rest'      => false,
		)
	);
	add_settings_section( 'sawt', '', '__return_null', 'sawt' );
	add_settings_field( OPTION, __( 'Address of the service', 'sawt' ), __NAMESPACE__ . '\field', 'sawt', 'sawt', array( 'label_for' => OPTION ) );
}

/**
 * The page in the menu.
 */
function add_page(): void {
	$name = __( 'sawt polls', 'sawt' );
	add_options_page( $name, $name, 'manage_options', 'sawt', __NAMESPACE__ . '\page' );
}

/**
 * The page.
 */
function page(): void {
	if ( ! current_user_can( 'manage_options' ) ) {
		return;
	}
	echo '<div class="wrap"><h1>', esc_html( get_admin_page_title() ), '</h1><form action="options.php" method="post">';
	settings_fields( 'sawt' );
	do_settings_sections( 'sawt' );
	submit_button();
	echo '</form></div>';
}

/**
 * The field.
 */
function field(): void {
	$is_fixed = defined( 'SAWT_PUBLIC_URL' );
	printf(
		'<input type="url" id="%1$s" name="%1$s" value="%2$s" class="regular-text code" dir="ltr" placeholder="https://votes.example"%3$s><p class="description">%4$s</p>',
		esc_attr( OPTION ),
		esc_url( service() ),
		$is_fixed ? ' readonly' : '',
		esc_html(
			$is_fixed
				? __( 'It is set in wp-config.php, as SAWT_PUBLIC_URL.', 'sawt' )
				: __( 'The address at which readers reach your sawt service, like https://votes.example.', 'sawt' )
		)
	);
}

/**
 * What is kept of what was typed. An address at which nobody answers is kept too: the service may come later.
 *
 * @param mixed $typed What was typed.
 */
function sanitize( $typed ): string {
	// WordPress asks twice when the option is new.
	static $known = array();
	$typed        = is_string( $typed ) ? trim( $typed ) : '';
	if ( isset( $known[ $typed ] ) ) {
		return $known[ $typed ];
	}
	$address = esc_url_raw( base_of( $typed ), array( 'https', 'http' ) );
	if ( '' === $address && '' !== $typed ) {
		/* translators: %s: what was typed. */
		$said = sprintf( __( '“%s” is no address of a service. It begins with https:// and has no user name.', 'sawt' ), $typed );
		add_settings_error( OPTION, 'no_address', esc_html( $said ) );
		$address = service();
	} elseif ( '' !== $address && ! answers( $address ) ) {
		/* translators: %s: an address. */
		$said = sprintf( __( 'Saved, but no sawt service answered at %s. Polls are shown once it does.', 'sawt' ), $address );
		add_settings_error( OPTION, 'no_answer', esc_html( $said ), 'warning' );
	}
	$known[ $typed ]   = $address;
	$known[ $address ] = $address;
	return $address;
}

/**
 * Whether a sawt service answers there.
 *
 * @param string $address An address.
 */
function answers( string $address ): bool {
	$answer = wp_remote_get( "$address/embed/manifest.json", array( 'timeout' => 5 ) );
	$told   = 200 === wp_remote_retrieve_response_code( $answer ) ? json_decode( wp_remote_retrieve_body( $answer ), true ) : null;
	return isset( $told['files'] );
}

/**
 * A way from the list of plugins.
 *
 * @param array $links Those that are there.
 */
function with_settings_link( $links ): array {
	$link = sprintf( '<a href="%s">%s</a>', esc_url( admin_url( 'options-general.php?page=sawt' ) ), esc_html__( 'Settings', 'sawt' ) );
	return array_merge( array( $link ), (array) $links );
}

<?php
/**
 * A poll in a page. Whichever way an editor named it, WordPress asks the service about its address by oEmbed and keeps
 * the answer with the post, as it does for any address: it has the question, and the height to reserve. From that, in
 * a page that is being shown, comes the element, and nowhere else: not in a feed, an excerpt, an answer of the REST API
 * or an editor's preview.
 *
 * @package sawt
 */

namespace Sawt;

defined( 'ABSPATH' ) || exit;

// What is reserved where the service has not said how high the poll is, in pixels.
const HEIGHT = 312;

add_action(
	'init',
	static function () {
		add_shortcode( 'sawt', __NAMESPACE__ . '\shortcode' );
		// A service that WordPress is told of gets its frame into the editor's preview without a sandbox.
		if ( '' !== service() ) {
			wp_oembed_add_provider( service() . '/embed/*', service() . '/oembed' );
		}
	}
);
add_filter( 'embed_oembed_html', __NAMESPACE__ . '\in_place_of', 10, 2 );
// WordPress keeps it with the post when the service did not answer, too. The reader's browser asks for itself.
add_filter( 'embed_maybe_make_link', __NAMESPACE__ . '\in_place_of', 10, 2 );
add_filter( 'render_block_core/embed', __NAMESPACE__ . '\without_ratio' );
add_filter( 'script_loader_tag', __NAMESPACE__ . '\async', 10, 2 );

/**
 * `[sawt poll="ID or address" theme="dark" lang="ar" digits="arab"]`.
 *
 * @param array|string $attributes As WordPress gives them.
 */
function shortcode( $attributes ): string {
	$given = shortcode_atts(
		array(
			'poll'   => '',
			'theme'  => '',
			'lang'   => '',
			'digits' => '',
		),
		$attributes,
		'sawt'
	);
	return show( (string) $given['poll'], $given );
}

/**
 * The poll, or for those who can mend it what is wrong.
 *
 * @param string $named Its id or address.
 * @param array  $given How it shall look; holds against what the address says.
 */
function show( string $named, array $given ): string {
	global $wp_embed;
	$poll = poll_at( $named );
	if ( $poll ) {
		$poll['look'] = look( $given ) + $poll['look'];
		return (string) $wp_embed->shortcode( array(), page_of( $poll ) );
	}
	if ( ! is_shown() || ! current_user_can( 'edit_posts' ) ) {
		return '';
	}
	$said = '' === service()
		? __( 'Say in the settings of “sawt polls” where your service is; then the poll stands here.', 'sawt' )
		/* translators: %s: what an editor named as the poll. */
		: sprintf( __( 'There is no poll here: “%s” is neither the id nor the address of a poll at your service. Only editors see this.', 'sawt' ), $named );
	return '<p>' . esc_html( $said ) . '</p>';
}

/**
 * What stands in the place of a poll's address.
 *
 * @param string|false $html What WordPress would put there: the service's frame, or the address if it has none.
 * @param string       $url  The address.
 * @return string|false
 */
function in_place_of( $html, $url ) {
	$poll = is_admin() ? null : poll_at( (string) $url );
	if ( ! $poll ) {
		return $html;
	}
	$has_title  = preg_match( '/<iframe[^>]* title="([^"]+)"/', (string) $html, $title );
	$has_height = preg_match( '/<iframe[^>]* height="(\d{2,4})"/', (string) $html, $height );
	$link       = sprintf(
		'<a href="%s">%s</a>',
		esc_url( page_of( $poll ) ),
		esc_html( $has_title ? html_entity_decode( $title[1], ENT_QUOTES | ENT_HTML5, 'UTF-8' ) : __( 'To the poll', 'sawt' ) )
	);
	if ( ! is_shown() ) {
		// An excerpt has no links, only words that would follow those before them.
		return doing_filter( 'get_the_excerpt' ) ? '' : $link;
	}
	wp_enqueue_script( 'sawt-embed', service() . '/embed.js', array(), null, true ); // phpcs:ignore WordPress.WP.EnqueuedResourceParameters.MissingVersion -- The service says for how long it may be kept.
	$look = '';
	foreach ( $poll['look'] as $name => $value ) {
		$look .= sprintf( ' %s="%s"', $name, esc_attr( $value ) );
	}
	// In pixels: the poll's own sizes do not follow the theme's either. The link is there until the poll is.
	return sprintf(
		'<sawt-poll poll="%s" from="%s"%s style="display: block; min-height: %dpx">%s</sawt-poll>',
		esc_attr( $poll['id'] ),
		esc_url( service() ),
		$look,
		$has_height ? (int) $height[1] : HEIGHT,
		$link
	);
}

/**
 * Whether a page is being made that a reader will see as it is.
 */
function is_shown(): bool {
	return did_action( 'template_redirect' ) && ! is_feed() && ! doing_filter( 'get_the_excerpt' );
}

/**
 * The embed block without the shape of a film, which the editor takes a frame's two lengths for: it would keep room for
 * one above the poll.
 *
 * @param string $content The block.
 */
function without_ratio( $content ): string {
	if ( false === strpos( (string) $content, '<sawt-poll ' ) ) {
		return (string) $content;
	}
	return (string) preg_replace_callback(
		'/^\s*<figure[^>]*>/',
		static function ( array $figure ): string {
			return (string) preg_replace( '/ (?:wp-has-aspect-ratio|wp-embed-aspect-\d+-\d+)(?=[ "])/', '', $figure[0] );
		},
		(string) $content
	);
}

/**
 * The loader keeps nobody waiting. (WordPress has a word for that from 6.3 on.)
 *
 * @param string $tag    The script's element.
 * @param string $handle Which script it is.
 */
function async( $tag, $handle ): string {
	$is_ours = 'sawt-embed' === $handle && false === strpos( (string) $tag, ' async' );
	return $is_ours ? str_replace( ' src=', ' async src=', (string) $tag ) : (string) $tag;
}

<?php
// Installs the WordPress at a directory for an address, with an administrator and an editor, whose passwords are their
// names.
[ , $root, $address ] = $argv;
$_SERVER['HTTP_HOST']   = (string) preg_replace( '#^http://#', '', $address );
$_SERVER['REQUEST_URI'] = '/';
define( 'WP_INSTALLING', true );
// It would send a mail.
function wp_new_blog_notification() {}
require "$root/wp-load.php";
require_once ABSPATH . 'wp-admin/includes/upgrade.php';
define( 'WP_SITEURL', $address );
wp_install( 'جريدة', 'administrator', 'administrator@news.example', true, '', 'administrator' );
$editor = wp_insert_user(
	array(
		'user_login' => 'editor',
		'user_pass'  => 'editor',
		'user_email' => 'editor@news.example',
		'role'       => 'editor',
	)
);
// It would welcome an editor who is new, with pictures that come from another host.
update_user_meta(
	$editor,
	$GLOBALS['wpdb']->get_blog_prefix() . 'persisted_preferences',
	array(
		'core/edit-post' => array( 'welcomeGuide' => false ),
		'_modified'      => gmdate( 'c' ),
	)
);
// So do pictures of people.
update_option( 'show_avatars', 0 );

// An Arabic newspaper. Of WordPress's own translation this is all that a page's direction needs.
require_once ABSPATH . WPINC . '/pomo/mo.php';
$arabic = new MO();
$arabic->add_entry( array( 'context' => 'text direction', 'singular' => 'ltr', 'translations' => array( 'rtl' ) ) );
wp_mkdir_p( WP_LANG_DIR );
$arabic->export_to_file( WP_LANG_DIR . '/ar.mo' );
update_option( 'WPLANG', 'ar' );

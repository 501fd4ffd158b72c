<?php
/**
 * Plugin Name:       sawt polls
 * Description:       Readers' polls from your sawt service, in posts and pages: as a block, as a shortcode, or by a poll's address on a line of its own.
 * Version:           0.1.0
 * Requires at least: 6.1
 * Requires PHP:      7.4
 * Author:            The sawt authors
 * License:           Apache-2.0
 * License URI:       https://www.apache.org/licenses/LICENSE-2.0
 * Text Domain:       sawt
 * Domain Path:       /languages
 *
 * @package sawt
 */

namespace Sawt;

defined( 'ABSPATH' ) || exit;

// The one option there is. uninstall.php has it too.
const OPTION = 'sawt_service';

require __DIR__ . '/address.php';
require __DIR__ . '/poll.php';
require __DIR__ . '/block.php';
if ( is_admin() ) {
	require __DIR__ . '/settings.php';
}

add_action(
	'init',
	static function () {
		load_plugin_textdomain( 'sawt', false, dirname( plugin_basename( __FILE__ ) ) . '/languages' );
	},
	1
);

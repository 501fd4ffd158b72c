<?php
/**
 * What edit.js needs. Its version is the plugin's.
 *
 * @package sawt
 */

defined( 'ABSPATH' ) || exit;

return array(
	'dependencies' => array( 'wp-block-editor', 'wp-blocks', 'wp-components', 'wp-element' ),
	'version'      => '0.1.0',
);

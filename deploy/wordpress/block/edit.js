// The block in the editor: what to name, how it shall look, and the poll's own page as a preview, in which nobody can
// vote. It is read as it stands, without a build.
( ( { blocks, blockEditor, components, element } ) => {
	const { service, words } = window.sawtPolls;
	const { createElement: el, useEffect, useRef, useState } = element;
	const { Notice, PanelBody, Placeholder, SelectControl, TextControl } = components;

	const ID = /^(.*\/)?([\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})(?:\/form)?\/?(?:[?#].*)?$/i;

	// The id in what an editor typed, if that can be a poll of the service. The server looks more closely.
	const idOf = ( text ) => {
		const [ , before, id ] = ID.exec( text.trim() ) ?? [];
		if ( ! id || ! before ) return id;
		try {
			return new URL( before ).host === new URL( service ).host ? id : undefined;
		} catch {
			return undefined;
		}
	};

	const Preview = ( { id, look } ) => {
		const frame = useRef();
		const [ height, setHeight ] = useState( 312 );
		useEffect( () => {
			// The editor's canvas may be a frame of its own.
			const view = frame.current.ownerDocument.defaultView;
			const hear = ( { data, source } ) => {
				if ( source !== frame.current?.contentWindow || data?.sawt?.type !== 'height' ) return;
				setHeight( Math.min( data.sawt.height, 5000 ) );
			};
			view.addEventListener( 'message', hear );
			return () => view.removeEventListener( 'message', hear );
		}, [] );
		const query = new URLSearchParams( Object.entries( look ).filter( ( [ , value ] ) => value ) ).toString();
		return el( 'iframe', {
			ref: frame,
			src: `${ service }/embed/${ id }${ query && `?${ query }` }`,
			title: words.poll,
			sandbox: 'allow-scripts',
			tabIndex: -1,
			// A click chooses the block.
			style: { display: 'block', width: '100%', height, border: 0, pointerEvents: 'none' },
		} );
	};

	const Edit = ( { attributes, setAttributes } ) => {
		const { poll, theme, lang, digits } = attributes;
		const props = blockEditor.useBlockProps();
		const id = service ? idOf( poll ) : undefined;
		const set = ( name ) => ( value ) => setAttributes( { [ name ]: value } );
		const control = { __next40pxDefaultSize: true, __nextHasNoMarginBottom: true };
		const named = el( TextControl, { ...control, label: words.poll, help: words.help, dir: 'ltr', value: poll, onChange: set( 'poll' ) } );
		const choice = ( name, value, options ) =>
			el( SelectControl, {
				...control,
				label: words[ name ],
				value,
				options: options.map( ( [ value, label ] ) => ( { value, label } ) ),
				onChange: set( name ),
			} );
		const looks = el(
			blockEditor.InspectorControls,
			null,
			el(
				PanelBody,
				{ title: words.looks },
				id && named,
				choice( 'theme', theme, [ [ '', words.auto ], [ 'light', words.light ], [ 'dark', words.dark ] ] ),
				choice( 'lang', lang, [ [ '', words.own ], [ 'ar', 'العربية' ], [ 'en', 'English' ], [ 'fr', 'Français' ] ] ),
				choice( 'digits', digits, [ [ '', words.own ], [ 'latn', '123' ], [ 'arab', '١٢٣' ] ] )
			)
		);
		const notice = ( said ) => el( Notice, { status: 'warning', isDismissible: false }, said );
		const asked = el(
			Placeholder,
			{ icon: 'chart-bar', label: words.poll, instructions: words.instruct },
			! service && notice( words.unset ),
			service && poll && notice( words.not_a_poll ),
			named
		);
		return el( 'div', props, looks, id ? el( Preview, { key: id, id, look: { theme, lang, digits } } ) : asked );
	};

	const taken = ( name ) => ( { type: 'string', shortcode: ( { named } ) => named[ name ] ?? '' } );
	blocks.registerBlockType( 'sawt/poll', {
		edit: Edit,
		save: () => null,
		transforms: {
			from: [
				{
					type: 'shortcode',
					tag: 'sawt',
					attributes: { poll: taken( 'poll' ), theme: taken( 'theme' ), lang: taken( 'lang' ), digits: taken( 'digits' ) },
				},
			],
		},
	} );
} )( window.wp );

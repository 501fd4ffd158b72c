// Shows the contract of the service that this page came from. Requests tried here are real ones.
SwaggerUIBundle({
  url: 'openapi.yaml',
  dom_id: '#docs',
  deepLinking: true,
  validatorUrl: null,
});

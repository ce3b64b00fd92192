// Shows openapi.json, which lies beside the page. The bundled Swagger UI reads documents of version 3.0 only; ours is 3.1, and
// what differs (how null is written) it shows well enough, so the version alone is changed for its eyes.
(async () => {
  const reply = await fetch('openapi.json');
  const spec = await reply.json();
  spec.openapi = '3.0.3';
  window.SwaggerUIBundle({
    spec,
    dom_id: '#document',
    deepLinking: true,
    docExpansion: 'list',
    defaultModelsExpandDepth: -1,
    tryItOutEnabled: true,
    validatorUrl: null,
  });
})();

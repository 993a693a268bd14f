"""The nouns of composer: frozen values without behaviour that touches the world, names, and failures.

Data flows through them in this order: kits are loaded into a :class:`~composer.model.kit.Project`, which together
with a definition is resolved into a :class:`~composer.model.federation.Federation`, which is rendered into
:class:`~composer.model.files.GeneratedFile` values.
"""

{{ resolved_schools(ref("int_orgs__template_cells"), ref("int_orgs__delivered")) }}

# METADATA
# title: Secrets as environment variables
# description: |
#   Variables are inherited by every process the container starts, are printed by crash reports and debug pages, and do not
#   change until the pod is restarted. A file from a Secret volume is none of it; a whole Secret as variables is the worst.
# custom:
#   severity: low
#   controls: ["CIS:5.4.1", "MITRE:T1552.007"]
#   docs: https://kubernetes.io/docs/concepts/security/secrets-good-practices/
#   match:
#     workloads: true
#   parameters:
#     # `envFrom`: whole Secrets; `env`: single keys, which the CIS benchmark counts as well.
#     forms: [envFrom]
package lockkeeper.secret_environment

import data.lockkeeper.lib.workload

warn contains violation if {
	"envFrom" in _forms
	some pointer, entry in workload.containers
	is_array(entry.container.envFrom)
	some i, source in entry.container.envFrom
	secret := workload.name(source.secretRef)
	secret != ""
	violation := {
		"msg": sprintf("%s: every key of the Secret %s becomes a variable", [workload.label(entry), secret]),
		"path": concat("", [pointer, "/envFrom/", format_int(i, 10)]),
		"details": {"container": workload.name(entry.container), "secret": secret},
		"remedy": {"text": "mount the Secret as a volume and read the files, or name the single keys that are needed"},
	}
}

warn contains violation if {
	"env" in _forms
	some pointer, entry in workload.containers
	is_array(entry.container.env)
	some i, variable in entry.container.env
	secret := workload.name(variable.valueFrom.secretKeyRef)
	secret != ""
	violation := {
		"msg": sprintf("%s: the variable %s holds a key of the Secret %s", [
			workload.label(entry),
			workload.name(variable),
			secret,
		]),
		"path": concat("", [pointer, "/env/", format_int(i, 10)]),
		"details": {"container": workload.name(entry.container), "secret": secret, "name": workload.name(variable)},
		"remedy": {"text": "mount the Secret as a volume and read the file"},
	}
}

default _forms := ["envFrom"]

_forms := input.parameters.forms

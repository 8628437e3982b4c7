package signalprocessing.priority

import rego.v1

default result := {"priority": "P3", "confidence": 0.6}

result := {"priority": "P0", "confidence": 0.95} if {
	input.signal.severity == "critical"
	input.environment == "production"
}

result := {"priority": "P1", "confidence": 0.9} if {
	input.signal.severity == "warning"
	input.environment == "production"
}

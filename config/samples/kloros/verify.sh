#!/bin/sh
# Says what runs: the operator's view, and what each process says of itself. Ends with 0 where every process runs on what
# the ConfigMap holds now, else with 1.
#
#   verify.sh [NAMESPACE]
#
# Needs kubectl, its plugin `kubectl reload`, and the rights to read the ConfigMap and to exec into the pods.
set -eu

namespace=${1:-$(kubectl config view --minify -o 'jsonpath={..namespace}')}
namespace=${namespace:-default}
in_namespace() {
  kubectl --namespace "$namespace" "$@"
}

kubectl reload status --namespace "$namespace"

wanted=$(in_namespace get configmap kloros -o 'jsonpath={.data.\.kloros_env}' | sha256sum | cut -d ' ' -f 1)
printf '\nConfigMap/kloros:.kloros_env  sha256 %s\n' "$wanted"

# The image has no shell and no curl, but it has Node.
ask='fetch("http://127.0.0.1:8080/-/reload").then((answer) => answer.text()).then(console.log)'
verdict=0
found=0
for pod in $(in_namespace get pods --selector app.kubernetes.io/part-of=kloros -o name); do
  found=$((found + 1))
  answer=$(in_namespace exec "$pod" -- node -e "$ask" 2>&1) || true
  case $answer in
    *'"error":'*) state=refused ;;
    *"\"sha256\":\"$wanted\""*) state=live ;;
    *'"reload":"v1"'*) state=other ;;
    *) state=silent ;;
  esac
  [ "$state" = live ] || verdict=1
  printf '%-8s%s  %s\n' "$state" "$pod" "$answer"
done

if [ "$found" -eq 0 ]; then
  echo "there is no process of kloros in namespace $namespace"
  verdict=1
fi
exit "$verdict"

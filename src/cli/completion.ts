/** kubectl reload completion: scripts for shells, which ask the plugin itself what may come next. */

import type { Command } from 'commander';
import { EXIT, usage } from './exit.ts';
import type { Terminal } from './terminal.ts';

export const completion = (shell: string, { out }: Terminal): number => {
  const script = SCRIPTS[shell];
  if (script === undefined)
    throw usage(`there is no completion for ${JSON.stringify(shell)}: there are bash, zsh and fish`);
  out(script);
  return EXIT.ok;
};

/** As kubectl, and cobra's scripts, take it: files may be offered, or not. */
const FILES = ':0';
const NO_FILES = ':4';

/** What may stand in the place of the last word, one a line, and a directive. Words begin after the command's name. */
export const complete = (words: readonly string[], program: Command, { out }: Terminal): number => {
  const last = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const command = program.commands.find((each) => each.name() === before[0]);
  const { candidates, files } = offer(program, command, before, last);
  const fitting = candidates.filter((candidate) => candidate.startsWith(last));
  out(`${[...fitting, files ? FILES : NO_FILES].join('\n')}\n`);
  return EXIT.ok;
};

interface Offer {
  readonly candidates: readonly string[];
  readonly files: boolean;
}

const offer = (program: Command, command: Command | undefined, before: readonly string[], last: string): Offer => {
  const none = { candidates: [], files: false };
  if (command === undefined) {
    const names = program.commands.map((each) => each.name()).filter((name) => !name.startsWith('_'));
    return before.length === 0 ? { candidates: [...names, 'help', '--help', '--version'], files: false } : none;
  }
  const { options } = command;
  const taking = options.find((option) => option.required && [option.short, option.long].includes(before.at(-1)));
  if (taking !== undefined) {
    const files = ['--filename', '--against', '--kubeconfig'].includes(taking.long ?? '');
    const prefixes = taking.long === '--source' ? ['cm/', 'secret/'] : [];
    return { candidates: taking.argChoices ?? prefixes, files };
  }
  if (last.startsWith('-'))
    return {
      candidates: [...options.flatMap(({ long }) => (long === undefined ? [] : [long])), '--help'],
      files: false,
    };
  return { candidates: FIRST_WORDS[command.name()] ?? [], files: false };
};

const KINDS = ['deploy/', 'sts/', 'ds/'];
const FIRST_WORDS: Readonly<Record<string, readonly string[]>> = {
  history: KINDS,
  explain: KINDS,
  approve: KINDS,
  now: KINDS,
  retry: KINDS,
  reset: KINDS,
  completion: ['bash', 'zsh', 'fish'],
};

const BASH = `# bash completion of kubectl-reload
_kubectl_reload() {
  local line words directive
  words=("\${COMP_WORDS[@]:1:COMP_CWORD}")
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :*) directive=$line ;;
      *) COMPREPLY+=("$line") ;;
    esac
  done < <(kubectl-reload __complete -- "\${words[@]}" 2>/dev/null)
  [[ $directive == ${FILES} ]] && COMPREPLY+=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}"))
  [[ \${COMPREPLY[0]} == */ ]] && compopt -o nospace
}
complete -F _kubectl_reload kubectl-reload
`;

const ZSH = `#compdef kubectl-reload
_kubectl_reload() {
  local -a lines
  lines=("\${(@f)$(kubectl-reload __complete -- "\${(@)words[2,$CURRENT]}" 2>/dev/null)}")
  local directive=\${lines[-1]}
  lines=("\${(@)lines[1,-2]}")
  compadd -S ' ' -- \${lines:#*/}
  compadd -S '' -- \${(M)lines:#*/}
  [[ $directive == ${FILES} ]] && _files
}
compdef _kubectl_reload kubectl-reload
`;

const FISH = `# fish completion of kubectl-reload
function __kubectl_reload
  set -l words (commandline -opc) (commandline -ct)
  kubectl-reload __complete -- $words[2..-1] 2>/dev/null | string match -v -r '^:'
end
complete -c kubectl-reload -f -a '(__kubectl_reload)'
for flag in f filename against kubeconfig
  test (string length $flag) = 1; and complete -c kubectl-reload -s $flag -r -F; or complete -c kubectl-reload -l $flag -r -F
end
`;

const SCRIPTS: Readonly<Record<string, string>> = { bash: BASH, zsh: ZSH, fish: FISH };

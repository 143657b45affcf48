// Completions for shells. For an argument that is a name, files are offered; after `run --`,
// commands.
#include <algorithm>

#include "cli/command_tree.h"
#include "cli/text.h"

namespace larder::cli {
namespace {

constexpr std::string_view k_folder = "DIR";
constexpr std::string_view k_run = "run";

// Quotes text with single quotes, for sh and zsh.
std::string sh_quoted(std::string_view text) {
    std::string out = "'";
    for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
}

std::string fish_quoted(std::string_view text) {
    std::string out = "'";
    for (const char c : text) {
        if (c == '\'' || c == '\\') out += '\\';
        out += c;
    }
    return out + "'";
}

// Escapes text for the brackets of zsh's _arguments.
std::string zsh_note(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
        out += c;
    }
    return out;
}

std::vector<std::string> flags_of(const CommandNote& command) {
    std::vector<std::string> names;
    for (const auto& option : command.options) {
        names.insert(names.end(), option.names.begin(), option.names.end());
    }
    return names;
}

std::vector<std::string> verbs_of(const CommandNote& program) {
    std::vector<std::string> names;
    names.reserve(program.verbs.size());
    for (const auto& verb : program.verbs) names.push_back(verb.name);
    return names;
}

// Writes a case for the value of each option that has one: `scope:--name)`.
std::string bash_values(const CommandNote& command, const std::string& scope) {
    std::string text;
    for (const auto& option : command.options) {
        if (option.value.empty()) continue;
        std::string pattern;
        for (const auto& name : option.names) {
            pattern.append(pattern.empty() ? "" : "|").append(scope).append(":").append(name);
        }
        auto reply = std::string(":");
        if (option.value == k_folder) {
            reply = "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$current\")";
        } else if (!option.choices.empty()) {
            reply = "mapfile -t COMPREPLY < <(compgen -W " + sh_quoted(join(option.choices, " ")) +
                    " -- \"$current\")";
        }
        text.append("        ").append(pattern).append(") ").append(reply).append("; return ;;\n");
    }
    return text;
}

std::string bash_with_values(const CommandNote& program) {
    std::vector<std::string> names;
    for (const auto& option : program.options) {
        if (option.value.empty()) continue;
        names.insert(names.end(), option.names.begin(), option.names.end());
    }
    return join(names, "|");
}

std::string zsh_action(const OptionNote& option) {
    if (option.value == k_folder) return "_files -/";
    if (!option.choices.empty()) return "(" + join(option.choices, " ") + ")";
    return option.names.empty() ? "_files" : " ";
}

std::string zsh_arguments(const CommandNote& command) {
    std::string text;
    for (const auto& option : command.options) {
        for (const auto& name : option.names) {
            auto word = (option.repeats ? "*" : "") + name;
            if (!option.value.empty() && name.starts_with("--")) word += '=';
            word += "[" + zsh_note(option.summary) + "]";
            if (!option.value.empty()) {
                word += ":" + zsh_note(option.value) + ":" + zsh_action(option);
            }
            text += " \\\n            " + sh_quoted(word);
        }
    }
    for (const auto& positional : command.positionals) {
        const auto word = (positional.repeats ? "*:" : ":") + zsh_note(positional.value) + ":" +
                          zsh_action(positional);
        text += " \\\n            " + sh_quoted(word);
    }
    if (command.name == k_run) text += " \\\n            '*:::command:_normal'";
    return text;
}

std::string fish_option(const OptionNote& option, const std::string& condition) {
    std::string text = "complete -c larder" + condition;
    for (const auto& name : option.names) {
        text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
    }
    if (option.value == k_folder) {
        text += " -x -a '(__fish_complete_directories)'";
    } else if (!option.choices.empty()) {
        text += " -x -a " + fish_quoted(join(option.choices, " "));
    } else if (!option.value.empty()) {
        text += " -x";
    }
    return text + " -d " + fish_quoted(option.summary) + "\n";
}

}  // namespace

std::string bash_completion(const CommandNote& program) {
    std::string text = R"(# bash completion for larder

_larder() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} verb= words= i
    COMPREPLY=()
    # "--mode=on" is three words to bash.
    if [[ $current == = ]]; then
        current=
    elif [[ $previous == = ]]; then
        previous=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    for ((i = 1; i < COMP_CWORD; ++i)); do
        case ${COMP_WORDS[i]} in
            )" + bash_with_values(program) +
                       R"() [[ ${COMP_WORDS[i + 1]} == = ]] || ((++i)) ;;
            --)
                if [[ $verb == run ]] && declare -F _command_offset >/dev/null; then
                    _command_offset $((i + 1))
                fi
                return
                ;;
            -* | =) ;;
            *) [[ $verb || ${COMP_WORDS[i - 1]} == = ]] || verb=${COMP_WORDS[i]} ;;
        esac
    done
    case $verb:$previous in
)";
    text += bash_values(program, "*");
    for (const auto& verb : program.verbs) {
        CommandNote own = verb;
        std::erase_if(own.options, [&](const OptionNote& option) {
            return std::ranges::any_of(program.options, [&](const OptionNote& other) {
                return other.names == option.names;
            });
        });
        text += bash_values(own, verb.name);
    }
    text += "    esac\n    case $verb in\n";
    text += "        '') words=" +
            sh_quoted(join(verbs_of(program), " ") + " " + join(flags_of(program), " ")) + " ;;\n";
    for (const auto& verb : program.verbs) {
        text +=
            "        " + verb.name + ") words=" + sh_quoted(join(flags_of(verb), " ")) + " ;;\n";
    }
    return text + R"(    esac
    # Where no flag is begun, names of files are for bash itself.
    if [[ -z $verb || $current == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
    fi
}

complete -o bashdefault -o default -F _larder larder
)";
}

std::string zsh_completion(const CommandNote& program) {
    std::string text = R"(#compdef larder

_larder() {
    local curcontext=$curcontext context state line
    typeset -A opt_args
    local -a verbs
    verbs=(
)";
    for (const auto& verb : program.verbs) {
        text += "        " + sh_quoted(verb.name + ":" + zsh_note(verb.summary)) + "\n";
    }
    text += "    )\n    _arguments -C" + zsh_arguments(program) + R"( \
            '1:verb:->verb' \
            '*::argument:->arguments' && return
    case $state in
        verb) _describe verb verbs ;;
        arguments)
            case $words[1] in
)";
    for (const auto& verb : program.verbs) {
        text += "        " + verb.name + ") _arguments" + zsh_arguments(verb) + " ;;\n";
    }
    return text + R"(            esac
            ;;
    esac
}

_larder "$@"
)";
}

std::string fish_completion(const CommandNote& program) {
    std::string text = "# fish completion for larder\n\ncomplete -c larder -f\n";
    for (const auto& option : program.options) {
        text += fish_option(option, " -n __fish_use_subcommand");
    }
    for (const auto& verb : program.verbs) {
        text += "complete -c larder -n __fish_use_subcommand -a " + verb.name + " -d " +
                fish_quoted(verb.summary) + "\n";
    }
    for (const auto& verb : program.verbs) {
        const auto condition = " -n '__fish_seen_subcommand_from " + verb.name + "'";
        for (const auto& option : verb.options) text += fish_option(option, condition);
        if (!verb.positionals.empty()) text += "complete -c larder" + condition + " -F\n";
        if (verb.name == k_run) {
            text += "complete -c larder" + condition + " -x -a '(__fish_complete_subcommand)'\n";
        }
    }
    return text;
}

}  // namespace larder::cli

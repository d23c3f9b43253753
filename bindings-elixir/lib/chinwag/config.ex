defmodule Chinwag.Config do
  @moduledoc false
  # What Elixir needs to know of the options; the core judges all others, and unknown ones.

  @derive {Inspect, except: [:options]}
  @enforce_keys [:name, :shutdown, :leave_timeout, :handle_signals, :options]
  defstruct [:name, :shutdown, :leave_timeout, :handle_signals, :options]

  @shutdown 10_000
  @leave_timeout 5_000
  # Those that `api.toml` calls secret.
  @secrets ["keys", "cookie"]

  def secrets, do: @secrets

  def new(options) when is_list(options) do
    {name, options} = Keyword.pop(options, :name)
    {shutdown, options} = Keyword.pop(options, :shutdown, @shutdown)
    {node, options} = Keyword.pop(options, :node, :none)
    node = if node == :none, do: [], else: [name: node]

    %__MODULE__{
      name: check_name!(name),
      shutdown: shutdown,
      leave_timeout: leave_timeout(shutdown),
      handle_signals: options[:handle_signals] in [true, "true"],
      options: for({key, value} <- hide(node ++ options), do: {to_string(key), value})
    }
  end

  # Never shown: there may be secrets among them.
  def new(_options), do: raise(ArgumentError, "the options of a Chinwag node are a keyword list")

  @doc """
  The options with each secret in a function. A supervisor keeps them for as long as it lives, and
  neither its reports nor `:sys.get_state/1` look into functions, whoever formats them.
  """
  def hide(options) do
    Enum.map(options, fn
      {key, value} when not is_function(value, 0) -> {key, hidden(to_string(key), value)}
      option -> option
    end)
  end

  defp hidden(key, value) when key in @secrets, do: fn -> value end
  defp hidden(_key, value), do: value

  @doc "The options as the core gets them. Secrets that are functions are asked for now."
  def revealed(%__MODULE__{options: options}) do
    Enum.map(options, fn
      {key, secret} when key in @secrets -> {key, secret.()}
      option -> option
    end)
  end

  @doc "The same without the options: what runs has no use for them."
  def spent(%__MODULE__{} = config), do: %{config | options: []}

  defp check_name!(name) when is_atom(name) and name not in [nil, true, false], do: name

  defp check_name!(name) do
    raise ArgumentError,
          "a Chinwag node needs name: an atom such as MyApp.Mesh, by which the application " <>
            "finds it; the member's own name is node:. Got: #{inspect(name)}"
  end

  defp leave_timeout(:brutal_kill), do: 0
  defp leave_timeout(:infinity), do: @leave_timeout
  defp leave_timeout(shutdown), do: min(@leave_timeout, div(shutdown, 2))
end

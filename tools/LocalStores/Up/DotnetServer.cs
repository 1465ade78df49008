using Bsp.LocalStores.Common;

namespace Bsp.LocalStores.Up;

/// <summary>A program of this checkout that serves HTTP: the simulator or the API.</summary>
/// <param name="directory">Its working directory, by which a later start finds it should it be left over.</param>
/// <param name="environment">For a port: its environment.</param>
/// <param name="readyPath">Answers 2xx when it serves.</param>
internal sealed class DotnetServer(string name, string assembly, string[] arguments, string directory, string log,
    Func<int, Dictionary<string, string>> environment, string readyPath, TimeSpan patience)
    : LocalServer(name)
{
    private static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(5) };

    public override string ConnectionString => $"http://127.0.0.1:{Port}";

    protected override TimeSpan StartPatience => patience;

    /// <summary>Stops what an earlier start left.</summary>
    /// <exception cref="Obstacle">it is not built</exception>
    public async Task PrepareAsync(CancellationToken ct)
    {
        if (!File.Exists(assembly))
        {
            throw new Obstacle($"{assembly} is not built: start with ./run, which builds it.");
        }

        Directory.CreateDirectory(directory);
        await Leftovers.StopAsync(directory, ct);
    }

    protected override ChildProgram Program() =>
        new(Name, "dotnet", [assembly, .. arguments], directory, log) { Environment = environment(Port) };

    protected override async Task<bool> AnswersAsync(CancellationToken ct)
    {
        try
        {
            using var answer = await Http.GetAsync(ConnectionString + readyPath, ct);
            return answer.IsSuccessStatusCode;
        }
        // nobody there, or a slow answer: look again
        catch (Exception e) when (e is HttpRequestException || (e is TaskCanceledException && !ct.IsCancellationRequested))
        {
            return false;
        }
    }
}

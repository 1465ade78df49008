using System.Globalization;
using Bsp.Application.Ai;
using Bsp.Infrastructure.Ai.Shadows;
using Bsp.Infrastructure.Sharding;
using MediatR;

namespace Bsp.Api.Operations;

/// <summary>The verb <c>shadows</c>: a day of the log once more, through other instructions or another model, without sending.</summary>
public static class ShadowsCommand
{
    private const string Usage = "shadows --org ID --day YYYY-MM-DD [--prompt FILE] [--provider NAME] [--endpoint URL] [--model NAME] "
        + "[--api-key-file FILE] [--bursts 1..500] [--json]";
    private const int BurstsStandard = 100;
    private const int PromptBytesMax = 64 * 1024;

    /// <returns>0: replayed to its end; 1: refused, failed or cancelled; 2: the command line is wrong.</returns>
    public static async Task<int> RunAsync(IServiceProvider services, string[] arguments, CancellationToken ct)
    {
        var (given, json, fault) = Read(arguments);
        Guid organization = default;
        DateOnly day = default;
        var bursts = BurstsStandard;
        fault ??= !Guid.TryParse(given.GetValueOrDefault("--org"), out organization) ? "--org takes an organization's id."
            : !DateOnly.TryParseExact(given.GetValueOrDefault("--day"), "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None,
                out day) ? "--day takes a day such as 2026-11-29."
            : given.TryGetValue("--bursts", out var number)
                && !int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out bursts) ? "--bursts takes a number." : null;
        var (prompt, key) = ((string?)null, (string?)null);
        if (fault is null)
        {
            (prompt, fault) = await FileAsync(given.GetValueOrDefault("--prompt"), ct);
        }

        if (fault is null)
        {
            (key, fault) = await FileAsync(given.GetValueOrDefault("--api-key-file"), ct);
        }

        if (fault is not null)
        {
            await Console.Error.WriteLineAsync($"{fault} Usage: {Usage}");
            return 2;
        }

        await using var scope = services.CreateAsyncScope();
        return await ShadowsVerb.RunAsync(scope.ServiceProvider.GetRequiredService<IMediator>(),
            ActivatorUtilities.CreateInstance<AiShadowWorker>(scope.ServiceProvider), services.GetRequiredService<Shards>(),
            new(organization, day, given.GetValueOrDefault("--provider"), given.GetValueOrDefault("--endpoint"),
                given.GetValueOrDefault("--model"), key?.Trim(), prompt, null, bursts), json, ct);
    }

    private static (Dictionary<string, string> Given, bool Json, string? Fault) Read(string[] arguments)
    {
        string[] known = ["--org", "--day", "--prompt", "--provider", "--endpoint", "--model", "--api-key-file", "--bursts"];
        var (given, json) = (new Dictionary<string, string>(), false);
        for (var i = 0; i < arguments.Length; i++)
        {
            if (arguments[i] == "--json")
            {
                json = true;
            }
            else if (known.Contains(arguments[i]) && i + 1 < arguments.Length)
            {
                given[arguments[i]] = arguments[i + 1];
                i++;
            }
            else
            {
                return (given, json, $"'{arguments[i]}' is not known, or says nothing.");
            }
        }

        return (given, json, null);
    }

    private static async Task<(string? Text, string? Fault)> FileAsync(string? path, CancellationToken ct)
    {
        if (path is null)
        {
            return (null, null);
        }

        try
        {
            return new FileInfo(path) is { Exists: true, Length: <= PromptBytesMax } ? (await File.ReadAllTextAsync(path, ct), null)
                : (null, $"{path} is not there, or larger than {PromptBytesMax / 1024} KB.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return (null, $"{path} cannot be read: {e.Message}");
        }
    }
}

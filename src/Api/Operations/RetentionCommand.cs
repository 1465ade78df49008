using System.Globalization;
using System.Text.Json;
using Bsp.Application.Retention;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Retention;

namespace Bsp.Api.Operations;

/// <param name="Services">Of the application, which does not serve.</param>
/// <param name="Stop">Ctrl-C.</param>
public sealed record VerbServices(IServiceProvider Services, CancellationToken Stop)
{
    public T Get<T>() where T : notnull => Services.GetRequiredService<T>();
}

/// <summary>The verb <c>retention</c>: what is past its time, or that it goes now.</summary>
public static class RetentionCommand
{
    private const string Usage = "retention [--dry-run [--org ID]] [--json]";
    private static readonly JsonSerializerOptions Format =
        new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true };

    /// <returns>0: done; 1: something failed, or there is no such organization; 2: the command line is wrong.</returns>
    public static async Task<int> RunAsync(VerbServices services, string[] arguments)
    {
        var (dry, json, organization, fault) = (false, false, (Guid?)null, "");
        for (var i = 0; i < arguments.Length && fault.Length == 0; i++)
        {
            switch (arguments[i])
            {
                case "--dry-run":
                    dry = true;
                    break;
                case "--json":
                    json = true;
                    break;
                case "--org" when i + 1 < arguments.Length && Guid.TryParse(arguments[i + 1], out var id):
                    (organization, i) = (id, i + 1);
                    break;
                default:
                    fault = arguments[i] == "--org" ? "--org takes an organization's id." : $"'{arguments[i]}' is not known.";
                    break;
            }
        }

        fault = fault.Length == 0 && organization is not null && !dry ? "--org is for --dry-run: what is due goes for all." : fault;
        if (fault.Length > 0)
        {
            await Console.Error.WriteLineAsync($"{fault} Usage: {Usage}");
            return 2;
        }

        try
        {
            return dry ? await DryAsync(services, organization, json) : await CarryAsync(services, json);
        }
        catch (Refusal refusal)
        {
            await Console.Error.WriteLineAsync(refusal.Message);
            return 1;
        }
    }

    private static async Task<int> DryAsync(VerbServices services, Guid? organization, bool json)
    {
        var bar = new ProgressBar("looking");
        var due = await services.Get<RetentionReport>().DueAsync(organization, bar.Show, services.Stop);
        bar.End();
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(due, Format));
            return 0;
        }

        Console.WriteLine($"{"kind",-18} {"shard",-8} {"organization",-36} {"would go",10} {"oldest",-10} {"before",-10}");
        foreach (var row in due.OrderBy(d => d.Kind, StringComparer.Ordinal).ThenByDescending(d => d.Due))
        {
            var (whose, goes) = (row.OrganizationId?.ToString() ?? "(others together)", row.Held ? 0 : row.Due);
            var held = row.Held ? string.Create(CultureInfo.InvariantCulture, $"  held: {row.Due:N0} stay") : "";
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{row.Kind,-18} {row.Shard,-8} {whose,-36} {goes,10:N0} {row.Oldest,-10:yyyy-MM-dd} {row.Before:yyyy-MM-dd}{held}"));
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{due.Where(d => !d.Held).Sum(d => d.Due):N0} would go. Nothing was touched."));
        return 0;
    }

    // The views are carried along, for with no API up nobody else would take the documents away.
    private static async Task<int> CarryAsync(VerbServices services, bool json)
    {
        var (worker, runner) = (services.Get<RetentionWorker>(), services.Get<ProjectionRunner>());
        var bar = new ProgressBar("gone");
        await worker.HurryAsync(services.Stop);
        await runner.StartAsync(services.Stop);
        try
        {
            while (await worker.WorkAsync(services.Stop))
            {
                bar.Show((int)Math.Min(int.MaxValue, (await StatesAsync()).Sum(s => s.Gone ?? 0)));
            }
        }
        finally
        {
            await runner.StopAsync(CancellationToken.None);
        }

        bar.End();
        var states = await StatesAsync();
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(states, Format));
        }
        else
        {
            foreach (var state in states.Where(s => s.Shard is not null))
            {
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"{state.Kind,-18} {state.Shard,-8} {state.Gone,10:N0} gone  {state.Error}"));
            }
        }

        return states.Any(s => s.Error is not null) ? 1 : 0;

        Task<IReadOnlyList<RetentionState>> StatesAsync() => services.Get<RetentionReport>().Handle(new GetRetention(), services.Stop);
    }
}

/// <summary>How far a verb is, on the error output, where a person looks at it.</summary>
internal sealed class ProgressBar(string what)
{
    private const int Width = 30;
    private static readonly TimeSpan Every = TimeSpan.FromMilliseconds(200);
    private long shown;

    /// <param name="of">Null: nobody knows how many there will be.</param>
    public void Show(int done, int of)
    {
        var filled = of <= 0 ? 0 : (int)((long)Width * Math.Min(done, of) / of);
        Write(done, $"[{new string('#', filled)}{new string('.', Width - filled)}] {done:N0} of {of:N0}");
    }

    public void Show(int done) => Write(done, $"{done:N0}");

    public void End()
    {
        if (shown > 0)
        {
            Console.Error.WriteLine();
        }
    }

    private void Write(int done, string text)
    {
        if (Console.IsErrorRedirected || (shown > 0 && TimeProvider.System.GetElapsedTime(shown) < Every))
        {
            return;
        }

        shown = TimeProvider.System.GetTimestamp();
        Console.Error.Write($"\r{what}: {text}   ");
    }
}

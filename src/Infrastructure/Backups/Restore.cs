using Bsp.Application.Common;
using Bsp.Infrastructure.Configuration;
using Bsp.Infrastructure.Schema;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Bsp.Infrastructure.Backups;

/// <summary>
/// Puts a backup into empty databases: each is one transaction, the directory last, so that nothing is served by halves whatever is killed;
/// run again, it goes on. What the log makes anew is emptied, and nothing is sent until a person says so. Decision: docs/decisions/0269.
/// </summary>
/// <param name="say">Told what is going on, a line each.</param>
public sealed class Restore(BspOptions options, TimeProvider clock, ILoggerFactory log, Action<string> say)
{
    /// <param name="emptyCopies">Redis, ClickHouse and MongoDB are emptied if they hold anything; false: that is refused.</param>
    /// <exception cref="BackupFault">It cannot be used, or not here; what was said stands.</exception>
    public async Task<BackupManifest> ReadAsync(string directory, bool emptyCopies, CancellationToken ct)
    {
        var backup = Path.GetFullPath(directory);
        var manifest = await BackupManifest.ReadAsync(backup, ct);
        RequireFit(manifest);
        var tools = await PgTools.FindAsync(ct);
        var targets = Targets(manifest);
        var open = new List<(RestoreTarget Target, bool Done)>();
        foreach (var target in targets)
        {
            open.Add((target, await target.IsDoneAsync(manifest.Id, tools, ct)));
        }

        say($"Backup of {manifest.StartedAt:yyyy-MM-dd HH:mm:ss} UTC: reading it whole first.");
        await VerifyAsync(backup, manifest, ct);
        await EmptyCopiesAsync(emptyCopies, ct);
        if (manifest.Objects is not null && options.Media.S3 is null)
        {
            say($"Files: {await ObjectFiles.RestoreAsync(backup, options.Media.Directory, ct)} of {manifest.Objects.Files} put back");
        }

        // The directory names what the shards hold: without it nobody is served.
        foreach (var (target, done) in open.OrderBy(o => o.Target.Home.IsDirectory))
        {
            if (done)
            {
                say($"{target.Title}: restored before");
                continue;
            }

            await target.RestoreAsync(tools, backup, manifest, clock.GetUtcNow(), ct);
            say($"{target.Title}: {target.From.Rows.Values.Sum():N0} rows, last event {target.From.Position}");
        }

        await DataSources.MigrateAsync(options, log, ct);
        foreach (var target in targets)
        {
            await target.VerifyAsync(ct);
        }

        return manifest;
    }

    private void RequireFit(BackupManifest manifest)
    {
        if (!BackupManifest.PrintsOf(options).Contains(manifest.MasterKey))
        {
            throw new BackupFault($"This backup was made under another master key (its print is {manifest.MasterKey}, that of the one "
                + $"given here {BackupManifest.PrintOf(options.MasterKey)}): give that key in Bsp:MasterKey, or as an older one.");
        }

        var known = Migrator.Files().Select(f => f.File).ToHashSet();
        var unknown = manifest.Databases.SelectMany(d => d.Schema).Select(s => s.File).Where(file => !known.Contains(file)).Distinct()
            .Order(StringComparer.Ordinal).ToList();
        if (unknown.Count > 0)
        {
            throw new BackupFault($"This backup was made by a newer build: it has {unknown.Count} schema files that this one does not "
                + $"know, the first {unknown[0]}. Restore it with that build.");
        }
    }

    private List<RestoreTarget> Targets(BackupManifest manifest)
    {
        var homes = Backup.HomesOf(options);
        foreach (var from in manifest.Databases)
        {
            if (!homes.Any(home => home.Names.Order().SequenceEqual(from.Names.Order())))
            {
                throw new BackupFault($"The backup has a database of {from.Title}, and the configuration names "
                    + $"{string.Join("; ", homes.Select(h => h.Title))}: restore into the same shards.");
            }
        }

        return homes.Count == manifest.Databases.Count
            ? [.. manifest.Databases.Select(from => new RestoreTarget(homes.First(home =>
                home.Names.Order().SequenceEqual(from.Names.Order())), from))]
            : throw new BackupFault($"The configuration names {homes.Count} databases, and the backup has {manifest.Databases.Count}.");
    }

    private static async Task VerifyAsync(string backup, BackupManifest manifest, CancellationToken ct)
    {
        foreach (var from in manifest.Databases)
        {
            await HashedFiles.MustBeAsync(backup, new(from.File, from.Bytes, from.Sha256), ct);
            foreach (var waiting in from.Before is { } before ? [before.Inbox, before.SetAside] : Array.Empty<BackupFile>())
            {
                await HashedFiles.MustBeAsync(backup, waiting, ct);
            }
        }

        await (manifest.Objects is { } objects ? ObjectFiles.VerifyAsync(backup, objects, ct) : Task.CompletedTask);
    }

    private async Task EmptyCopiesAsync(bool emptyCopies, CancellationToken ct)
    {
        var copies = new CopiesOfLog(options);
        var full = await copies.FullAsync(ct);
        if (full.Count == 0)
        {
            return;
        }

        if (!emptyCopies)
        {
            throw new BackupFault($"{string.Join("; ", full)}: what they hold is of another history, and is made anew from the log. Say "
                + "--empty-copies to have them emptied.");
        }

        await copies.EmptyAsync(ct);
        say($"Emptied: {string.Join("; ", full)}.");
    }
}

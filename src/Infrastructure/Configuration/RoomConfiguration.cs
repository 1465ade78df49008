using Bsp.Application.Common;

namespace Bsp.Infrastructure.Configuration;

/// <summary>What strangers may occupy: <c>Bsp:Pools:*</c> and <c>Bsp:Uploads:*</c>.</summary>
internal static class RoomConfiguration
{
    /// <param name="number">By name: reads a whole number, with what it is unless given, its least and its most.</param>
    public static PoolOptions Pools(Func<string, Func<int, int, int, int>> number)
    {
        var usual = new PoolOptions();
        int Size(string name, int standard) => number($"Bsp:Pools:{name}")(standard, PoolOptions.Min, PoolOptions.Max);
        return new()
        {
            Webhooks = Size(nameof(usual.Webhooks), usual.Webhooks),
            Sending = Size(nameof(usual.Sending), usual.Sending),
            People = Size(nameof(usual.People), usual.People),
            Background = Size(nameof(usual.Background), usual.Background),
            Bulk = Size(nameof(usual.Bulk), usual.Bulk),
        };
    }

    /// <param name="directory">Where the files lie; null: below the system's directory for temporary files.</param>
    /// <param name="number">As above.</param>
    public static UploadOptions Uploads(string? directory, Func<string, Func<int, int, int, int>> number)
    {
        var usual = new UploadOptions();
        int Of(string name, int standard, int max) => number($"Bsp:Uploads:{name}")(standard, 1, max);
        return new()
        {
            Directory = directory,
            TotalMb = Of(nameof(usual.TotalMb), usual.TotalMb, 1_000_000),
            OrganizationMb = Of(nameof(usual.OrganizationMb), usual.OrganizationMb, 1_000_000),
            OrganizationAtOnce = Of(nameof(usual.OrganizationAtOnce), usual.OrganizationAtOnce, 1_000),
            AtOnce = Of(nameof(usual.AtOnce), usual.AtOnce, 10_000),
            Seconds = Of(nameof(usual.Seconds), usual.Seconds, 86_400),
            BytesPerSecondMin = Of(nameof(usual.BytesPerSecondMin), usual.BytesPerSecondMin, 1_000_000_000),
        };
    }
}

using Bsp.Application.Ai;
using Bsp.Application.Common;

namespace Bsp.Infrastructure.Ai.Models;

/// <summary>An organization's model that has failed time and again is left alone for a while: people go on at once meanwhile.</summary>
public sealed class Circuits(TimeProvider clock)
{
    private const int FailuresMax = 5;
    private const int BytesMax = 1024 * 1024;
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Remembered = TimeSpan.FromMinutes(10);

    private readonly BoundedCache<(Guid Organization, string Address), (int Failures, DateTimeOffset Until)> failing =
        new("ai_circuits", BytesMax, (key, _) => 96 + (2L * key.Address.Length), clock);

    /// <summary>What they take.</summary>
    public IBoundedMemory Memory => failing;

    public bool IsOpen(Guid organizationId, AiSettings settings) =>
        failing.TryGet(Key(organizationId, settings), out var state) && state.Until > clock.GetUtcNow();

    public void Worked(Guid organizationId, AiSettings settings) => failing.Remove(Key(organizationId, settings));

    /// <summary>After the rest one question is tried; it decides.</summary>
    public void Failed(Guid organizationId, AiSettings settings)
    {
        var failures = failing.TryGet(Key(organizationId, settings), out var state) ? state.Failures + 1 : 1;
        failing.Put(Key(organizationId, settings),
            (failures, failures >= FailuresMax ? clock.GetUtcNow() + Rest : DateTimeOffset.MinValue), Remembered);
    }

    private static (Guid, string) Key(Guid organizationId, AiSettings settings) =>
        (organizationId, $"{settings.Provider} {settings.Address} {settings.Model}");
}

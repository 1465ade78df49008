using System.Text.Json;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;

namespace Bsp.UnitTests.Common;

/// <summary>
/// Past events, then a decision, then exactly these events; compared as they are stored, so that JSON inside them counts too.
/// </summary>
public sealed class Given<TState, TEvent>(TState initial, Func<TState, TEvent, TState> evolve, params TEvent[] past) where TEvent : class
{
    private Func<IReadOnlyList<TEvent>> decision = () => [];

    public Given<TState, TEvent> When(Func<TState, IReadOnlyList<TEvent>> decide)
    {
        decision = () => decide(past.Aggregate(initial, evolve));
        return this;
    }

    public void Then(params TEvent[] expected) => decision().Select(Stored).ShouldBe(expected.Select(Stored));

    public void ThenRefused(string code) => Should.Throw<Refusal>(() => decision()).Code.ShouldBe(code);

    private static string Stored(TEvent e) => $"{EventTypes.NameOf(e)} {JsonSerializer.Serialize(e, e.GetType(), EventTypes.Json)}";
}

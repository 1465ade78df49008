namespace Bsp.Domain.Common;

/// <summary>
/// An earlier version of a fact, kept only to be read: its stored bodies are read as <typeparamref name="TNext"/>, so that nothing else
/// knows that it ever looked otherwise.
/// It keeps its stored name and is appended no more.
/// </summary>
/// <typeparam name="TNext">The next version (<c>…_v2</c>), which may be superseded in its turn.</typeparam>
public interface ISuperseded<out TNext> : ISuperseded where TNext : class
{
    /// <summary>The same fact in the next version's shape. Pure; it cannot fail for a body that was ever stored.</summary>
    new TNext Next();

    object ISuperseded.Next() => Next();
}

/// <summary>An earlier version of a fact, whatever its next one is.</summary>
public interface ISuperseded
{
    /// <summary>The same fact in the next version's shape.</summary>
    object Next();
}

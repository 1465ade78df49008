namespace Bsp.Application.Common;

/// <summary>
/// A command on a resource that exists already: when it is skipped as done earlier, its answer names this resource and not the claim's new
/// id.
/// </summary>
public interface ICommandOn : ICommand
{
    /// <summary>The resource.</summary>
    Guid Id { get; }
}
